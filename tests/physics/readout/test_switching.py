"""Amplifiers that switch their gain."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbjax.physics.readout import GainSwitching, Moments
from nbjax.physics.readout.switching import CODES

STAGE = GainSwitching(
    jnp.asarray([500.0, -17.0, -1.4]), jnp.asarray([2e3, 1.5e4, 1.5e4]), jnp.zeros(3), jnp.asarray([25.0, 800.0])
)


@settings(max_examples=50)
@given(st.floats(0.0, 1e4))
def test_words_mean_the_photons_that_they_are_of(photons: float) -> None:
    words = STAGE.record(jax.random.key(0), jnp.asarray([photons]))
    which = int(photons > 25) + int(photons > 800)
    assert int(words[0]) >> 14 == CODES[which]
    # half a count of the converter
    limit = 0.5 / abs(float(STAGE.counts_per_photon[which])) * (1 + 1e-9)
    assert float(STAGE.photons(words)[0]) == pytest.approx(photons, abs=limit)
    calibrated = replace(STAGE, form="photons").record(jax.random.key(0), jnp.asarray([photons]))
    assert float(calibrated[0]) == pytest.approx(float(STAGE.photons(words)[0]), rel=1e-12, abs=1e-12)


def test_each_gain_has_its_noise() -> None:
    noisy = replace(STAGE, sigma_counts=jnp.asarray([12.0, 5.0, 3.0]))
    for photons, gain, sigma in ((3.0, 500.0, 12.0), (300.0, 17.0, 5.0), (4000.0, 1.4, 3.0)):
        words = noisy.record(jax.random.key(4), jnp.full(40_000, photons))
        assert float(noisy.photons(words).std()) == pytest.approx(np.hypot(sigma, 12**-0.5) / gain, rel=0.02)


def test_what_the_converter_cannot_hold_is_cut() -> None:
    words = STAGE.record(jax.random.key(0), jnp.asarray([1e6]))
    assert words.tolist() == [3 << 14]
    assert CODES == (0, 1, 3)
    # the least number of each gain is its own, too
    least = STAGE.photons(jnp.asarray([0.0, 1 << 14, 3 << 14]))
    np.testing.assert_allclose(least, np.array([-2e3 / 500, 1.5e4 / 17, 1.5e4 / 1.4]), rtol=1e-6)
    with_nan = STAGE.record(jax.random.key(0), jnp.asarray([jnp.nan]))
    assert np.isnan(with_nan).all()


def test_words_have_the_mean_of_their_photons_and_their_variance_by_the_gain() -> None:
    noisy = replace(STAGE, sigma_counts=jnp.asarray([12.0, 5.0, 3.0]))
    mean, variance = jnp.asarray([3.0, 300.0, 4000.0]), jnp.asarray([2.0, 310.0, 3900.0])
    words, photons = (replace(noisy, form=form).moments(Moments(mean, variance)) for form in ("raw", "photons"))
    np.testing.assert_allclose(words.mean, STAGE.record(jax.random.key(0), mean), atol=0.5)
    np.testing.assert_allclose(STAGE.photons(words.mean), mean, rtol=1e-6)
    np.testing.assert_array_equal(photons.mean, mean)
    gain = np.array([500.0, 17.0, 1.4])
    np.testing.assert_allclose(photons.variance * gain**2, words.variance, rtol=1e-6)
    # that of the noise, and a twelfth of a count for its rounding
    added = (np.array([144.0, 25.0, 9.0]) + 1 / 12) / gain**2
    np.testing.assert_allclose(photons.variance - variance, added, rtol=1e-6)
