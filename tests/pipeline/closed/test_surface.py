"""Polynomials over a spot."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from nbjax.pipeline.closed.surface import DEGREE, POINTS, across, along, surface


def test_a_polynomial_is_what_its_points_say() -> None:
    coefficients = np.random.default_rng(1).normal(size=(DEGREE + 1, DEGREE + 1))
    x, y = np.linspace(-1.2, 1.1, 7), np.linspace(-0.9, 1.3, 5)
    values = np.polynomial.polynomial.polygrid2d(POINTS, POINTS, coefficients)
    found = surface(jnp.asarray(values), jnp.float64)
    np.testing.assert_allclose(found, coefficients, rtol=1e-9, atol=1e-9)
    at = jax.jit(lambda found, x, y: across([c[:, None] for c in along(found, x)], y))(found, x, y)
    np.testing.assert_allclose(at, np.polynomial.polynomial.polygrid2d(x, y, coefficients), rtol=1e-9, atol=1e-8)
    assert surface(jnp.asarray(values), jnp.float32).dtype == jnp.float32


def test_points_are_those_that_bend_a_function_least() -> None:
    # the product of the distances from them is never above 2^-DEGREE, the least that there is
    x = np.linspace(-1, 1, 2001)
    assert np.abs((x[:, None] - POINTS).prod(1)).max() <= 2.0**-DEGREE * (1 + 1e-12)
