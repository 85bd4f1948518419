"""Polynomials over a spot."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from nbjax.pipeline.closed.surface import DEGREE, POINTS, across, along, at, surface


def test_a_polynomial_is_what_its_points_say() -> None:
    coefficients = np.random.default_rng(1).normal(size=(DEGREE + 1, DEGREE + 1))
    values = np.polynomial.polynomial.polygrid2d(POINTS, POINTS, coefficients)
    found = surface(jnp.asarray(values), jnp.float64)
    np.testing.assert_allclose(found, coefficients, rtol=1e-9, atol=1e-9)
    assert surface(jnp.asarray(values), jnp.float32).dtype == jnp.float32


def test_polynomials_of_many_spots_are_taken_at_places_of_their_own() -> None:
    rng = np.random.default_rng(2)
    coefficients = rng.normal(size=(2, DEGREE + 1, DEGREE + 1, 3))
    x, y = rng.uniform(-1.2, 1.2, (7, 1, 3)), rng.uniform(-1.2, 1.2, (7, 5, 3))

    @jax.jit
    def found(surfaces: list, x: jax.Array, y: jax.Array) -> tuple:
        lines = along(surfaces, x)
        return [across([line[number] for line in lines], y) for number in (0, 1)], at(surfaces[1], x, y)

    both, second = found(list(jnp.asarray(coefficients)), x, y)
    for number, spot in np.ndindex(2, 3):
        wanted = np.polynomial.polynomial.polyval2d(
            np.broadcast_to(x, y.shape)[..., spot], y[..., spot], coefficients[number, ..., spot]
        )
        np.testing.assert_allclose(both[number][..., spot], wanted, rtol=1e-9, atol=1e-8)
    np.testing.assert_allclose(second, both[1], rtol=1e-12, atol=1e-12)


def test_points_are_those_that_bend_a_function_least() -> None:
    # the product of the distances from them is never above 2^-DEGREE, the least that there is
    x = np.linspace(-1, 1, 2001)
    assert np.abs((x[:, None] - POINTS).prod(1)).max() <= 2.0**-DEGREE * (1 + 1e-12)
