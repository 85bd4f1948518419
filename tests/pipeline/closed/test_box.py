"""Pixels of boxes are integrals of what polynomials say."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from nbjax.pipeline.closed.box import Places, Smooth, photons_of
from nbjax.pipeline.closed.surface import DEGREE

SPOTS, HALF_ROWS, HALF_COLUMNS = 3, 4, 3


def test_a_leaning_gaussian_is_integrated_over_each_pixel_and_ends_at_its_reach() -> None:
    rng = np.random.default_rng(3)
    length, width = np.array([4.0, 5.5, 30.0]), np.array([3.0, 2.5, 30.0])
    lean, height = np.array([0.3, -0.4, 0.0]), np.array([2.0, 3.0, 0.5])
    away = rng.uniform(-0.5, 0.5, (2, SPOTS))
    rows = np.arange(-HALF_ROWS, HALF_ROWS + 1)[:, None] + 0.5 - away[0]
    columns = np.arange(-HALF_COLUMNS, HALF_COLUMNS + 1)[:, None] + 0.5 - away[1] - lean * rows[:, None]
    exponent, factor = np.zeros((2, DEGREE + 1, DEGREE + 1, SPOTS))
    # in units of the half axes
    exponent[2, 0], exponent[0, 2], exponent[0, 0] = 0.5 * length**2 / 4, 0.5 * width**2 / 2, 0.2
    factor[0, 0], factor[1, 0], factor[0, 1] = 1.0, 0.3, 0.1
    smooth = Smooth((jnp.asarray(exponent),), None, jnp.asarray(factor), None, jnp.asarray(height))
    parts = (rows / length, columns / width, 1 / length, 1 / width, lean, rows / 10, columns / 10)
    found = jax.jit(photons_of, static_argnums=2)(smooth, Places(*map(jnp.asarray, parts)), 6)
    nodes, weights = np.polynomial.legendre.leggauss(6)
    u, v = np.meshgrid(0.5 * nodes, 0.5 * nodes, indexing="ij")
    for spot in range(SPOTS):
        x = rows[:, None, None, None, spot] + u
        y = columns[..., None, None, spot] + v - lean[spot] * u
        value = np.exp(-(0.5 * x**2 / 4 + 0.5 * y**2 / 2 + 0.2))
        value *= (np.abs(x) <= length[spot]) & (np.abs(y) <= width[spot])
        slow = 1 + 0.3 * rows[:, None, spot] / 10 + 0.1 * columns[..., spot] / 10
        wanted = height[spot] * slow * np.einsum("rcij,i,j->rc", value, weights / 2, weights / 2)
        np.testing.assert_allclose(found[..., spot], wanted, rtol=1e-5 if found.dtype == np.float32 else 1e-12)
        assert wanted.max() > 0.1
        assert spot == 2 or (wanted == 0).any()
