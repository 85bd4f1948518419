"""Spots on their shoeboxes: photons against a fine sum, and slopes against differences."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from nbjax.refine.model import box_photons


def test_photons_and_slopes_of_a_box() -> None:
    # a Gaussian of 1000 photons about (0.3, -0.2) with variances 1.1 and 0.7
    x, y, fast2, slow2 = 0.3, -0.2, 1.1, 0.7
    height = np.log(1000 / (2 * np.pi * np.sqrt(fast2 * slow2)))
    constant = 0.5 * (x**2 / fast2 + y**2 / slow2) - height
    feature = jnp.array([constant, -x / fast2, -y / slow2, 0.5 / fast2, 0.0, 0.5 / slow2])
    of = jax.jit(box_photons, static_argnums=1)
    photons, slopes = of(feature, 15)
    assert np.isclose(photons.sum(), 1000, rtol=1e-4)
    columns, rows = np.asarray(photons).sum(0), np.asarray(photons).sum(1)
    middle = np.arange(15) - 7.0
    assert np.isclose(columns @ middle / 1000, x, atol=1e-3)
    assert np.isclose(rows @ middle / 1000, y, atol=1e-3)
    for number in range(6):
        step = 1e-6 * np.eye(6)[number]
        by_difference = (of(feature + step, 15)[0] - of(feature - step, 15)[0]) / 2e-6
        assert np.allclose(slopes[..., number], by_difference, rtol=1e-6, atol=1e-5)
