"""The derivative of the sum over orientations against the one that JAX derives from the sum."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nbjax.physics.structure_factor import StructureFactors
from nbjax.pipeline import orientations
from nbjax.pipeline.orientations import orientation_sum
from nbjax.pipeline.sample import Domain

PIXELS = 640
"""Two shares."""

TOLERANCE = {"float64": 1e-11, "float32": 2e-5}
Arguments = tuple[Any, ...]


def arguments(shape: str = "square", count: int = 4, table: bool = False, dtype: str = "float64") -> Arguments:
    """Weights, domain, direct vectors and scattering vectors; the first pixel is the direct beam."""
    rng = np.random.default_rng(3)
    values = jnp.asarray(rng.uniform(1, 9, (9, 9, 9)), dtype) if table else None
    factors = StructureFactors(values, jnp.asarray(2.5, dtype), (-4, -4, -4))
    cells = tuple(jnp.asarray([5.0, 7.5, 9.0]))
    domain = Domain(cells, jnp.asarray(1.1), factors, None, shape, False)
    direct_m = jnp.asarray(1e-10 * (np.diag([30.0, 40.0, 50.0]) + rng.normal(0, 1, (count, 3, 3))))
    q_per_m = tuple(jnp.asarray(1e10 * rng.uniform(-0.07, 0.07, PIXELS)).at[0].set(0.0) for _ in range(3))
    return jnp.asarray(rng.uniform(0.5, 1.5, PIXELS)), domain, direct_m, q_per_m


def tangents_of(at: Arguments) -> Arguments:
    rng = np.random.default_rng(4)
    return jax.tree.map(lambda x: x * rng.uniform(0.5, 1.5, np.shape(x)).astype(x.dtype) * 1e-3, at)


def close(found: Any, wanted: Any, tolerance: float) -> None:
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * max(float(jnp.abs(b).max()), 1e-300))


def by_rule(*at: Any) -> jax.Array:
    return orientation_sum(*at, None)


def by_jax(*at: Any) -> jax.Array:
    return orientations._orientation_sum(*at, None)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("shape", "count", "table"), [("square", 4, True), ("square", 7, False), ("gauss", 2, True)])
def test_first_derivatives_are_those_of_the_sum(shape: str, count: int, table: bool, dtype: str) -> None:
    at = arguments(shape, count, table, dtype)
    moves, weights = tangents_of(at), jnp.linspace(0.3, 1.0, PIXELS)

    def both(function: Any, at: Arguments, moves: Arguments) -> Any:
        value, pull = jax.vjp(function, *at)
        return value, jax.jvp(function, at, moves)[1], pull(weights)

    found, wanted = (jax.jit(partial(both, function))(at, moves) for function in (by_rule, by_jax))
    close(found, wanted, TOLERANCE[dtype])


def test_what_does_not_move_costs_and_changes_nothing() -> None:
    at = arguments(table=True)
    alone = jax.grad(lambda cells: by_rule(at[0], replace(at[1], cells=cells), *at[2:]).sum())(at[1].cells)
    wanted = jax.grad(lambda cells: by_jax(at[0], replace(at[1], cells=cells), *at[2:]).sum())(at[1].cells)
    close(alone, wanted, 1e-11)

    def gradient_by(place: int) -> str:
        return str(jax.make_jaxpr(jax.grad(lambda part: by_rule(*at[:place], part, *at[place + 1 :]).sum()))(at[place]))

    assert "scatter-add" not in gradient_by(2)
    assert "scatter-add" in gradient_by(1)


def test_second_derivatives_are_those_of_the_sum() -> None:
    at = arguments(count=2)
    moves = tangents_of(at)

    def bent(function: Any) -> Any:
        slope = jax.grad(lambda at: (function(*at) ** 2).sum())
        forward_over_reverse = jax.jit(lambda at, moves: jax.jvp(slope, (at,), (moves,))[1])(at, moves)
        along = jax.grad(lambda at: (jax.jvp(function, at, moves)[1] ** 2).sum())
        return forward_over_reverse, jax.jit(along)(at)

    close(bent(by_rule), bent(by_jax), 1e-9)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_packed_and_plain_slopes_agree(dtype: str) -> None:
    _, domain, direct_m, q_per_m = arguments(table=True, dtype=dtype)
    q_per_m = jax.tree.map(lambda x: x.reshape(2, -1), q_per_m)
    packed = jax.jit(partial(orientations._block_slopes_in_few_loops, True))(domain, direct_m, q_per_m)
    plain = jax.jit(partial(orientations._block_slopes, True, low=None))(domain, direct_m, q_per_m)
    close(packed, plain, TOLERANCE[dtype])


def test_a_batch_of_gradients_is_the_gradients_of_the_batch() -> None:
    at = arguments(count=4, table=True)
    scales = jnp.asarray([0.9, 1.0, 1.2])

    def slope(scale: jax.Array) -> Any:
        return jax.grad(lambda at: by_rule(at[0] * scale, at[1], at[2] * scale, at[3]).sum())(at)

    batch = jax.vmap(slope)(scales)
    for i, scale in enumerate(scales):
        close(jax.tree.map(lambda leaf, i=i: leaf[i], batch), slope(scale), 1e-12)
