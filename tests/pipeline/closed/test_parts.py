"""Functions of the rows that mean something."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nbjax.pipeline.closed.parts import in_parts


@pytest.mark.parametrize("size", [1, 64, 150])
def test_used_rows_are_those_of_the_function(size: int) -> None:
    rng = np.random.default_rng(size)
    rows = {"a": jnp.asarray(rng.random((size, 3))), "b": jnp.arange(size)}
    used = (jnp.arange(size) < 40) | (jnp.arange(size) == 149)

    def function(row: dict[str, jax.Array]) -> tuple[jax.Array, jax.Array]:
        return jnp.exp(row["a"]).sum() + row["b"], row["b"] > 2

    found, wanted = jax.jit(lambda rows: in_parts(function, rows, used))(rows), jax.vmap(function)(rows)
    for one, other in zip(found, wanted, strict=True):
        assert one.shape == other.shape
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one[used], other[used], rtol=1e-6)
    # nothing was computed for a part of which no row is used
    assert not np.any(found[0][64:128])
