"""The derivative of the sum over orientations against the one that JAX derives from the sum."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from orientation_sums import PIXELS, TOLERANCE, Arguments, arguments, close

from nbjax.pipeline import orientations
from nbjax.pipeline.orientations import orientation_sum


def tangents_of(at: Arguments) -> Arguments:
    rng = np.random.default_rng(4)
    return jax.tree.map(lambda x: x * rng.uniform(0.5, 1.5, np.shape(x)).astype(x.dtype) * 1e-3, at)


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

    def slope(function: Any) -> Any:
        return jax.jit(jax.grad(lambda cells: function(at[0], replace(at[1], cells=cells), *at[2:]).sum()))(at[1].cells)

    close(slope(by_rule), slope(by_jax), 1e-11)

    def gradient_by(place: int) -> str:
        return str(jax.make_jaxpr(jax.grad(lambda part: by_rule(*at[:place], part, *at[place + 1 :]).sum()))(at[place]))

    assert "scatter-add" not in gradient_by(2)
    assert "scatter-add" in gradient_by(1)


def test_an_amplitude_that_no_table_varies_costs_no_sweep_of_its_own() -> None:
    def sweeps(at: Arguments, places: tuple[int, ...]) -> int:
        slope = jax.grad(lambda *at: by_rule(*at).sum(), places)
        return str(jax.make_jaxpr(slope)(*at)).count("scan[")

    constant, varied = arguments(), arguments(table=True)
    assert sweeps(constant, (0, 1, 2, 3)) == sweeps(constant, (0, 2, 3))
    assert sweeps(varied, (0, 1, 2, 3)) > sweeps(varied, (0, 2, 3))


def test_the_second_derivative_by_an_amplitude_of_zero() -> None:
    weight, scatterer, *rest = arguments()

    def total(amplitude: jax.Array) -> jax.Array:
        factors = replace(scatterer.factors, default=amplitude)
        return by_rule(weight, replace(scatterer, factors=factors), *rest).sum()

    value, slope, bend = (jax.jit(f)(jnp.float64(0.0)) for f in (total, jax.grad(total), jax.grad(jax.grad(total))))
    assert float(value) == float(slope) == 0
    np.testing.assert_allclose(bend, 2 * total(jnp.float64(1.0)), rtol=1e-12)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-9), ("float32", 2e-5)])
def test_second_derivatives_are_those_of_the_sum(dtype: str, tolerance: float) -> None:
    at = arguments(count=2, dtype=dtype)
    moves = tangents_of(at)

    def bent(function: Any) -> Any:
        slope = jax.grad(lambda at: (function(*at) ** 2).sum())
        forward_over_reverse = jax.jit(lambda at, moves: jax.jvp(slope, (at,), (moves,))[1])(at, moves)
        along = jax.grad(lambda at: (jax.jvp(function, at, moves)[1] ** 2).sum())
        return forward_over_reverse, jax.jit(along)(at)

    close(bent(by_rule), bent(by_jax), tolerance)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_pixels_may_be_taken_in_blocks(dtype: str) -> None:
    at = arguments(count=4, table=True, dtype=dtype)
    moves = tangents_of(at)

    @partial(jax.jit, static_argnums=0)
    def both(block: int | None, at: Arguments, moves: Arguments) -> Any:
        def of(weight: Any, scatterer: Any, *rest: Any) -> jax.Array:
            return by_rule(weight, replace(scatterer, block=block), *rest)

        return jax.jvp(of, at, moves)[1], jax.grad(lambda at: (of(*at) ** 2).sum())(at)

    assert "scan" in str(jax.make_jaxpr(partial(both, PIXELS // 2))(at, moves))
    close(both(PIXELS // 2, at, moves), both(None, at, moves), TOLERANCE[dtype])


def test_a_batch_of_gradients_is_the_gradients_of_the_batch() -> None:
    at = arguments(count=4, table=True)
    scales = jnp.asarray([0.9, 1.0, 1.2])

    @jax.jit
    def slope(scale: jax.Array) -> Any:
        return jax.grad(lambda at: by_rule(at[0] * scale, at[1], at[2] * scale, at[3]).sum())(at)

    batch = jax.jit(jax.vmap(slope))(scales)
    for i, scale in enumerate(scales):
        close(jax.tree.map(lambda leaf, i=i: leaf[i], batch), slope(scale), 1e-12)
