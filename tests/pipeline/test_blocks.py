"""Sheared mosaic blocks in images of sampled crystals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import small_config

import nbjax
from nbjax.errors import ConfigError
from nbjax.experiment import Experiment
from nbjax.physics.shapes import SHAPES
from nbjax.pipeline.scene import mosaic_blocks
from nbjax.resolve import resolve

OFF = (2.0, -3.0, 1.5)
MATRIX = np.array([[9.0, 2.0, 1.5], [2.0, 7.0, -3.0], [1.5, -3.0, 8.0]])
PIXELS = np.array([[0, 0], [11, 9], [5, 17]])


def sampled(**crystal: Any) -> Experiment:
    return nbjax.prepare(small_config(crystal={"shape": "gauss", **crystal}, sampling={"oversample": 1}))


def test_without_a_shear_the_image_is_the_same_to_the_bit() -> None:
    np.testing.assert_array_equal(nbjax.simulate(sampled(cells_off_diagonal=(0.0,) * 3)), nbjax.simulate(sampled()))


@pytest.mark.parametrize("shape", ["gauss", "round", "tophat"])
def test_the_lattice_factor_is_that_of_the_matrix(shape: str) -> None:
    stages = nbjax.trace(sampled(shape=shape, cells_off_diagonal=OFF), PIXELS)
    delta = np.asarray(stages.last.hkl - stages.last.hkl_nearest)
    one = jnp.ones(())
    radius = ((delta @ MATRIX) ** 2).sum(1)
    shape_of, cells = SHAPES[shape], tuple(jnp.asarray(x) for x in np.diag(MATRIX))
    peak = shape_of.peak(cells, one, jnp.float64) * np.linalg.det(MATRIX) / np.diag(MATRIX).prod()
    wanted = shape_of.of_radius(jnp.asarray(radius), peak, one)
    np.testing.assert_allclose(stages.last.lattice, wanted, rtol=1e-9, atol=1e-9 * float(peak))


def test_the_blocks_of_a_volume_are_counted_alike_before_and_after() -> None:
    config = small_config(crystal={"shape": "gauss", "cells_off_diagonal": OFF, "volume_um3": 1e-3})
    blocks = mosaic_blocks(nbjax.prepare(config).crystal)
    assert blocks is not None
    assert resolve(config).notes["derived.mosaic_blocks"][0] == pytest.approx(float(blocks), rel=1e-12)


def test_derivatives_by_the_shear_and_through_it() -> None:
    made = sampled(cells_off_diagonal=OFF)
    weights = jnp.cos(jnp.arange(480.0)).reshape(24, 20) + 1.5

    @jax.jit
    def total(step: jax.Array) -> jax.Array:
        changed = made
        for place, change in (("cells_off_diagonal", 0.1), ("cells", 0.2), ("cell.misset_rad", 1e-4), ("fudge", 0.01)):
            value = jnp.asarray(nbjax.fields.look_up(made, f"crystals.0.{place}"))
            moved = value + step * change * jnp.asarray([1.0, -0.4, 0.7])[: value.size].reshape(value.shape)
            changed = nbjax.put(changed, f"crystals.0.{place}", moved)
        return (weights * nbjax.simulate(changed)).sum()

    h, zero = 1e-3, jnp.zeros(())
    slope = float((total(zero + h) - total(zero - h)) / (2 * h))
    np.testing.assert_allclose(jax.jit(jax.grad(total))(zero), slope, rtol=1e-5)


@pytest.mark.parametrize(
    ("crystal", "sentence"),
    [
        ({"shape": None}, r"crystal\.cells_off_diagonal: a square block is a parallelepiped .* give shape = \"gauss\""),
        (
            {"cells_off_diagonal": (8.0, 0.0, 0.0)},
            r"crystal\.cells_off_diagonal: got 8, 0, 0, with which the block",
        ),
        ({"volume_um3": 1e-12}, r"crystal\.volume_um3: got 1e-12, less than the"),
    ],
)
def test_blocks_that_cannot_be(crystal: dict[str, Any], sentence: str) -> None:
    given = {"shape": "gauss", "cells_off_diagonal": OFF, **crystal}
    with pytest.raises(ConfigError, match=sentence):
        resolve(small_config(crystal=given))


def test_the_c_program_has_no_sheared_blocks() -> None:
    config = small_config(crystal={"shape": "gauss", "cells_off_diagonal": OFF})
    with pytest.raises(ConfigError, match=r"crystal\.cells_off_diagonal: the C program has none"):
        resolve(replace(config, parity=("star_shape",)))
