"""The likelihood of recorded pixels: what the stages of a detector say of mean and variance."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nbjax.errors import ConfigError
from nbjax.fit.losses import Gaussian, Poisson
from nbjax.fit.recorded import Recorded, as_recorded, recorded_loss
from nbjax.io.images import Recorded as Image
from nbjax.physics.readout import (
    Calibration,
    Counting,
    Flicker,
    Gain,
    GainSwitching,
    PointSpread,
    Quantize,
    ReadoutNoise,
    record,
)
from nbjax.physics.readout import Poisson as Counts
from nbjax.preparation.record import Recording

GAIN, SIGMA = 2.0, 6.0
CCD = Recording(
    (Counts(), Gain(GAIN, 30.0), ReadoutNoise(jnp.asarray(SIGMA)), Quantize(65535.0)), np.dtype("uint16"), GAIN, 30.0
)
SWITCHING = GainSwitching(
    *map(jnp.asarray, ([500.0, -17.0, -1.4], [2e3, 1.5e4, 1.5e4], [12.0, 12.0, 12.0], [25.0, 800.0]))
)
SWITCHED = Recording((Counts(), SWITCHING, Quantize(65535.0)), np.dtype("uint16"), switched=True)
MANY = 20_000


def test_noise_is_that_of_the_stages() -> None:
    loss = recorded_loss(CCD)
    assert isinstance(loss, Recorded)
    [(start, constant, linear, quadratic)] = loss.noise
    assert (start, linear, quadratic) == (0.0, pytest.approx(1.0), 0.0)
    assert constant == pytest.approx((SIGMA**2 + 1 / 12) / GAIN**2)
    loss = recorded_loss(SWITCHED)
    assert isinstance(loss, Recorded)
    assert [noise[0] for noise in loss.noise] == [0.0, 25.0, 800.0]
    wanted = [(144 + 1 / 12) / gain**2 for gain in (500.0, 17.0, 1.4)]
    assert [noise[1] for noise in loss.noise] == pytest.approx(wanted, rel=1e-6)
    error = Recording((Counts(), Calibration(jnp.asarray(0.03), jnp.asarray(0.5))), np.dtype("float32"))
    loss = recorded_loss(error)
    assert isinstance(loss, Recorded)
    assert loss.noise[0][1:] == pytest.approx((0.25, 1.0009, 0.0009), rel=1e-6)


def test_what_a_fit_knows_otherwise_is_left_out() -> None:
    stages = (Flicker(jnp.asarray(0.1)), Counts(), PointSpread(jnp.asarray(2.0)))
    assert recorded_loss(Recording(stages, np.dtype("float32"))) == Poisson()
    counting = (Counting(jnp.asarray(0.9), jnp.asarray(1e-6)),)
    assert recorded_loss(Recording(counting, np.dtype("uint32"))) == Poisson()
    noise = (ReadoutNoise(jnp.asarray(3.0)),)
    assert recorded_loss(Recording(noise, np.dtype("float32"))) == Gaussian(3.0)
    with pytest.raises(ConfigError, match="have no noise"):
        recorded_loss(Recording((Gain(2.0, 0.0),), np.dtype("float32")))


@pytest.mark.parametrize("photons", [0.5, 4.0, 60.0, 3000.0])
def test_the_deviance_is_what_it_says_and_least_at_the_truth(photons: float) -> None:
    loss = recorded_loss(CCD)
    counts = record(CCD.stages[:3], jax.random.key(2), jnp.full(MANY, photons))
    data = (counts - 30.0) / GAIN
    mean = jnp.full(MANY, photons)
    said = float(np.mean(loss.mean_deviance(np.asarray([photons]))))
    assert float((loss.residual(mean, data) ** 2).mean()) == pytest.approx(said, rel=0.05)
    at = float(jax.grad(lambda m: loss.nll(jnp.full(MANY, m), data).mean())(photons))
    information = float(loss.information(jnp.asarray([photons]))[0])
    # the slope of the mean, in standard deviations of what many pixels tell
    assert abs(at) < 4.5 * np.sqrt(information / MANY) + 0.02 * np.sqrt(information)
    np.testing.assert_allclose(loss.nll(mean, data), 0.5 * loss.residual(mean, data) ** 2, rtol=1e-6, atol=1e-9)


def test_images_that_say_nothing_are_read_by_the_record() -> None:
    counts = np.array([[30, 130], [32, 65535]], np.uint16)
    how = replace(CCD, saturation_counts=60000.0)
    image = as_recorded(Image(counts, "a.npy"), how)
    np.testing.assert_allclose(image.photons(), [[0, 50], [1, np.nan]])
    told = Image(counts, "a.img", wavelength_A=1.0)
    assert as_recorded(told, how) is told
    other = Image(counts.astype(np.float32), "a.npy")
    assert as_recorded(other, how) is other


def test_words_of_switched_gains_are_photons() -> None:
    photons = np.array([[3.0, 300.0, 3000.0]])
    words = np.asarray(SWITCHING.record(jax.random.key(1), jnp.asarray(photons))).astype(np.uint16)
    image = as_recorded(Image(words, "a.h5", wavelength_A=1.0), SWITCHED)
    np.testing.assert_allclose(image.photons(), photons, atol=40)
    assert image.unit == "photons"
