"""The slopes of a few orientations: by steps of their own as by one program, and those of their intensities."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from orientation_sums import TOLERANCE, arguments, close

from nbjax.held import apart, held
from nbjax.pipeline import block
from nbjax.pipeline.sample import sample_indices, sample_scatterer

SHARES = 2


def block_of(shape: str, table: bool, dtype: str) -> tuple[Any, ...]:
    _, scatterer, direct_m, q_per_m = arguments(shape, 3, table, dtype)
    return scatterer, direct_m, jax.tree.map(lambda x: x.reshape(SHARES, -1), q_per_m), None


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("shape", "table"), [("square", True), ("round", False), ("gauss", True)])
def test_steps_of_their_own_change_nothing(shape: str, table: bool, dtype: str) -> None:
    at = block_of(shape, table, dtype)
    found, alone, plain = (
        jax.jit(partial(block._block_slopes, hold, True))(*at) for hold in (held, apart, block._directly)
    )
    close(found, plain, TOLERANCE[dtype])
    close(alone, plain, TOLERANCE[dtype])


@pytest.mark.parametrize("shape", ["square", "round", "gauss"])
def test_rows_and_sums_are_derivatives_of_the_intensities(shape: str) -> None:
    scatterer, direct_m, q_per_m, low = block_of(shape, True, "float64")
    rows, (intensity, by_cells) = jax.jit(partial(block.block_slopes, True))(scatterer, direct_m, q_per_m, low)

    def intensities(logarithms: jax.Array, stretched: jax.Array) -> jax.Array:
        """Cells that have grown, and direct vectors of the last orientation that are longer by parts of themselves."""
        cells = tuple(n * jnp.exp(x) for n, x in zip(scatterer.cells, logarithms, strict=True))
        there = direct_m.at[-1].multiply(1 + stretched[:, None])
        return sum(
            sample_scatterer(replace(scatterer, cells=cells), *sample_indices(m, q_per_m, None)).intensity
            for m in there
        )

    still = jnp.zeros(3), jnp.zeros(3)
    close(intensity, jax.jit(intensities)(*still), 1e-13)
    by_logarithm, by_length = (jnp.moveaxis(slope, -1, 1) for slope in jax.jit(jax.jacfwd(intensities, (0, 1)))(*still))
    close(by_cells, by_logarithm, 1e-11)
    # a vector that grows by a part of itself changes its index by that part of it
    indices, _, _ = sample_indices(direct_m[-1], q_per_m, None)
    close(rows[:, -3:] * jnp.stack(indices, 1), by_length, 1e-11)


def test_only_what_moves_is_summed() -> None:
    rows, sums = jax.jit(partial(block.block_slopes, False))(*block_of("square", False, "float64"))
    assert rows.shape[:2] == (SHARES, 9)
    assert len(sums) == 1
    assert np.isfinite(sums[0]).all()
