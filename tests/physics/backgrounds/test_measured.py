"""Photons of profiles and pictures, by their tables."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from nbjax.numerics import components
from nbjax.physics.backgrounds.background import Sight, put_out
from nbjax.physics.backgrounds.measured import Picture, Radial
from nbjax.physics.backgrounds.tabulated import Tabulated

WAVELENGTH_M = 0.7e-10


def sight(angles: np.ndarray, number: np.ndarray) -> Sight:
    """Pixels at scattering angles."""
    incident = np.tile([1.0, 0.0, 0.0], (len(angles), 1))
    away = np.stack([np.cos(angles), 0.6 * np.sin(angles), 0.8 * np.sin(angles)], 1)
    q, beam = components(jnp.asarray((away - incident) / WAVELENGTH_M)), components(jnp.asarray(incident))
    return Sight(q, beam, jnp.asarray(WAVELENGTH_M), jnp.ones(len(angles)), jnp.asarray(number))


photons = jax.jit(lambda term, sight: term.photons(sight))


def test_a_profile_has_its_photons_at_scattering_angles() -> None:
    places = np.linspace(0.0, 3.2, 33)
    profile = Radial(Tabulated(jnp.asarray(places), jnp.asarray(7 + 2 * places), True), jnp.asarray(3.0), "file")
    angles = np.linspace(0.0, 3.0, 50)
    found = photons(profile, sight(angles, np.arange(50)))
    np.testing.assert_allclose(found, 3 * (7 + 2 * angles), rtol=1e-9)
    # on the way back its derivative is finite
    back = sight(np.full(1, np.pi), np.zeros(1, int))
    assert abs(float(photons(profile, back)[0]) - 3 * (7 + 2 * np.pi)) < 6 * 1e-3
    assert np.isfinite(jax.grad(lambda wave: photons(profile, jax.tree.map(lambda x: x * wave, back)).sum())(1.0))


def test_a_picture_has_the_photons_of_each_pixel() -> None:
    picture = Picture(jnp.arange(12.0).reshape(3, 4), jnp.asarray(0.5), "file")
    pixels = sight(np.full(3, 0.1), np.array([7, 0, 11]))
    np.testing.assert_array_equal(photons(picture, pixels), [3.5, 0.0, 5.5])
    np.testing.assert_array_equal(photons(put_out(picture), pixels), np.zeros(3))
