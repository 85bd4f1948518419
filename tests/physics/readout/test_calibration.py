"""Errors of the calibration are the same in every image, and as wide as they say."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from nbjax.physics.readout.calibration import Calibration

PIXELS = 40_000


def recorded(relative: float, offset: float, photons: float) -> np.ndarray:
    errors = Calibration(jnp.asarray(relative), jnp.asarray(offset), 3)
    return np.asarray(errors.record(None, jnp.full((200, PIXELS // 200), photons)))


def test_factors_and_offsets_are_normal_and_independent() -> None:
    factors, offsets = recorded(0.2, 0.0, 5.0) / 5.0 - 1, recorded(0.0, 0.7, 5.0) - 5.0
    for errors, sigma in ((factors, 0.2), (offsets, 0.7)):
        # within four standard deviations of what so many pixels say
        assert abs(errors.mean()) < 4 * sigma / PIXELS**0.5
        assert abs(errors.std() / sigma - 1) < 4 / (2 * PIXELS) ** 0.5
        assert abs((np.abs(errors) < sigma).mean() - 0.6827) < 4 * (0.6827 * 0.3173 / PIXELS) ** 0.5
    assert abs((factors * offsets).mean()) < 4 * 0.2 * 0.7 / PIXELS**0.5
    both = recorded(0.2, 0.7, 10.0)
    np.testing.assert_allclose(both, 10.0 * (1 + factors) + offsets, rtol=1e-12)
