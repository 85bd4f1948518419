"""Each factor of the intensity against its closed form."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbjax.physics.absorption import capture_fraction
from nbjax.physics.backgrounds.water import Water
from nbjax.physics.polarization import polarization_factor
from nbjax.physics.solid_angle import solid_angle_sr

BEAM = tuple(jnp.array([x]) for x in (1.0, 0.0, 0.0))
AXIS = tuple(jnp.array([x]) for x in (0.0, 0.0, 1.0))


def _towards(two_theta: float, azimuth: float) -> tuple:
    s = np.sin(two_theta)
    return tuple(jnp.array([x]) for x in (np.cos(two_theta), s * np.sin(azimuth), s * np.cos(azimuth)))


@settings(max_examples=30)
@given(st.floats(0.0, 3.1), st.floats(-3.1, 3.1), st.floats(-1, 1))
def test_polarization_is_kahns_formula(two_theta: float, azimuth: float, kahn: float) -> None:
    found = polarization_factor(jnp.float64(kahn), BEAM, _towards(two_theta, azimuth), AXIS)
    cos2, sin2 = np.cos(two_theta) ** 2, np.sin(two_theta) ** 2
    assert float(found[0]) == pytest.approx((1 + cos2 - kahn * np.cos(2 * azimuth) * sin2) / 2, abs=1e-12)


def test_full_polarization_vanishes_along_the_electric_vector() -> None:
    assert float(polarization_factor(jnp.float64(1), BEAM, _towards(np.pi / 2, 0.0), AXIS)[0]) == pytest.approx(0)
    assert float(polarization_factor(jnp.float64(1), BEAM, _towards(np.pi / 2, np.pi / 2), AXIS)[0]) == pytest.approx(1)


def test_solid_angles_of_a_plane_add_up_to_a_half_space() -> None:
    distance, half, pixel = 0.01, 2.0, 0.004
    y = (np.arange(-half / pixel, half / pixel) + 0.5) * pixel
    airpath = jnp.sqrt(distance**2 + y[:, None] ** 2 + y[None, :] ** 2)
    total = solid_angle_sr(airpath, jnp.float64(pixel**2), distance / airpath, False).sum()
    exact = 4 * np.arcsin(half**2 / (half**2 + distance**2))
    assert float(total) == pytest.approx(exact, rel=2e-3)
    assert float(solid_angle_sr(jnp.float64(2.0), jnp.float64(1), jnp.float64(1), True)) == 0.25


def test_layers_capture_what_the_whole_sensor_captures() -> None:
    normal = tuple(jnp.float64(x) for x in (1.0, 0.0, 0.0))
    ray = _towards(0.4, 1.0)
    layers = sum(
        capture_fraction(ray, normal, jnp.float64(t), jnp.float64(1e-4), jnp.float64(3000.0)) for t in range(5)
    )
    whole = capture_fraction(ray, normal, jnp.float64(0), jnp.float64(5e-4), jnp.float64(3000.0))
    np.testing.assert_allclose(layers, whole, rtol=1e-13)
    np.testing.assert_allclose(whole, 1 - np.exp(-5e-4 * 3000 / np.cos(0.4)), rtol=1e-13)


def test_water_scatters_like_its_molecules() -> None:
    # a cubic centimetre of water weighs a gram
    found = Water(jnp.float64(0.01)).electrons_squared((jnp.float64(0.0),) * 3)
    assert float(found) == pytest.approx(2.57**2 * 6.02214179e23 / 18)
