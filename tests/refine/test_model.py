"""Spots on their shoeboxes: photons against a fine sum, and slopes against differences."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nbjax.pipeline.spots.table import Spots
from nbjax.refine.equations import Boxes
from nbjax.refine.model import Shot, box_photons
from nbjax.refine.shot import Noise, far_errors, weights_of


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


def bare(kind: type, **values: Any) -> Any:
    """Of a class, with nothing but what is looked at."""
    made = object.__new__(kind)
    for name, value in values.items():
        object.__setattr__(made, name, value)
    return made


def test_heights_and_shapes_are_less_sure_far_from_the_sphere() -> None:
    noise = Noise(*map(jnp.asarray, (0.0, 0.1, 0.03)))
    spots = bare(Spots, partiality=jnp.array([1.0, 0.1]))
    assert np.allclose(far_errors(noise, spots), [0.03, 0.3])
    photons = jnp.full((2, 5, 5), 100.0)
    shot = bare(Shot, data=photons, valid=jnp.ones_like(photons), beside=jnp.zeros_like(photons))
    boxes = bare(Boxes, model=photons, spot=photons, linear=jnp.ones((2, 4)))
    near, far = weights_of(shot, noise, boxes, spots)[:, 0, 0]
    assert np.isclose(1 / near, 100 + 100**2 * (0.1**2 + 0.03**2), atol=0.1)
    assert np.isclose(1 / far, 100 + 100**2 * (0.1**2 + 0.3**2), atol=0.1)
