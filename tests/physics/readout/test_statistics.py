"""Statistics of recorded images: means and variances of every decade, the photon transfer curve, dead time, chance."""

from __future__ import annotations

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nbjax.physics.readout import (
    Calibration,
    Counting,
    DarkCurrent,
    Flicker,
    Gain,
    GainSwitching,
    Poisson,
    Quantize,
    Readout,
    ReadoutNoise,
    moments,
    record,
)

MANY = 60_000
DECADES = 10.0 ** np.arange(-2, 7)
GAIN, PEDESTAL, SIGMA = 1.7, 40.0, 3.0
CCD = (
    Poisson(),
    DarkCurrent(jnp.asarray(60.0), jnp.asarray(30.0)),
    Gain(GAIN, PEDESTAL),
    ReadoutNoise(jnp.asarray(SIGMA)),
)
SWITCHED = GainSwitching(
    *map(jnp.asarray, ([500.0, -20.0, -1.5], [2000.0, 15000.0, 15000.0], [12.0, 8.0, 8.0], [25.0, 600.0])),
    14,
    "photons",
)
CHAINS: dict[str, tuple[Readout, ...]] = {
    "ccd": CCD,
    "rounded": (*CCD, Quantize(2.0**31, "nearest", -1e3)),
    "switching": (Poisson(), SWITCHED),
    "spots": (Flicker(jnp.asarray(0.02), "pixel"), Poisson()),
    "uncalibrated": (Poisson(), Calibration(jnp.asarray(0.03), jnp.asarray(0.2), 7)),
    "counting": (Counting(jnp.asarray(0.9), jnp.asarray(0.0)),),
}


@partial(jax.jit, static_argnames="count")
def draw(chain: tuple[Readout, ...], photons: jax.Array, seed: int, count: int = MANY) -> jax.Array:
    return record(chain, jax.random.key(seed), jnp.broadcast_to(photons[:, None], (len(photons), count)))


@pytest.mark.parametrize("name", CHAINS)
def test_mean_and_variance_of_every_decade_are_what_the_chain_says(name: str) -> None:
    # gains switch at some charge, about which the moments are those of one gain
    photons = jnp.asarray(DECADES[DECADES <= 1e3] if name == "switching" else DECADES)
    drawn = np.asarray(draw(CHAINS[name], photons, 5))
    mean, variance = map(np.asarray, moments(CHAINS[name], photons))
    fourth = ((drawn - drawn.mean(axis=1)[:, None]) ** 4).mean(axis=1)
    assert np.abs((drawn.mean(axis=1) - mean) / np.sqrt(variance / MANY)).max() < 4.5
    assert np.abs((drawn.var(axis=1) - variance) / np.sqrt((fourth - variance**2) / MANY)).max() < 4.5


def test_the_photon_transfer_curve_has_gain_and_readout_noise() -> None:
    photons = jnp.linspace(5.0, 400.0, 20)
    drawn = np.asarray(draw((Poisson(), Gain(GAIN, PEDESTAL), ReadoutNoise(jnp.asarray(SIGMA))), photons, 2, 200_000))
    variances, means = drawn.var(axis=1), drawn.mean(axis=1) - PEDESTAL
    # weights by the variance of a variance
    gain, noise = np.polyfit(means, variances, 1, w=1 / variances)
    assert gain == pytest.approx(GAIN, rel=0.01)
    dark = np.asarray(draw(CCD[2:], jnp.zeros(1), 3, 200_000))
    assert dark.std() == pytest.approx(SIGMA, rel=0.01)
    assert noise == pytest.approx(SIGMA**2, abs=0.5)


def events(rate: float, dead: float, kind: str, exposures: int, rng: np.random.Generator) -> np.ndarray:
    """Counts of exposures of length 1, photon by photon."""
    counts = np.empty(exposures, int)
    for i in range(exposures):
        times = np.sort(rng.uniform(size=rng.poisson(rate)))
        if kind == "paralyzable":
            counts[i] = 1 + (np.diff(times) > dead).sum() if len(times) else 0
            continue
        number, free = 0, 0.0
        while (first := np.searchsorted(times, free)) < len(times):
            number, free = number + 1, times[first] + dead
        counts[i] = number
    return counts


@pytest.mark.parametrize("kind", ["nonparalyzable", "paralyzable"])
@pytest.mark.parametrize("busy", [0.02, 0.3, 1.0])
def test_dead_time_counts_as_photon_by_photon(kind: str, busy: float) -> None:
    photons, exposures = 600.0, 1500
    counting = Counting(jnp.asarray(1.0), jnp.asarray(busy / photons), kind)  # type: ignore[arg-type]
    single = events(photons, busy / photons, kind, exposures, np.random.default_rng(4))
    drawn = np.asarray(draw((counting,), jnp.asarray([photons]), 6))[0]
    assert drawn.mean() == pytest.approx(single.mean(), abs=4.5 * single.std() / np.sqrt(exposures) + 0.3)
    assert drawn.var() == pytest.approx(single.var(), rel=4.5 * np.sqrt(2 / exposures))
    said = moments((counting,), jnp.asarray(photons))
    assert drawn.mean() == pytest.approx(float(said.mean), rel=1e-3)
    assert drawn.var() == pytest.approx(float(said.variance), rel=0.02)


@pytest.mark.parametrize("kind", ["nonparalyzable", "paralyzable"])
def test_the_dead_time_curve_is_right_to_a_percent(kind: str) -> None:
    dead_part = 1e-7 / 0.01
    photons = jnp.asarray([10.0, 1e3, 1e4, 1e5, 3e5])
    found = np.asarray(draw((Counting(jnp.asarray(1.0), jnp.asarray(dead_part), kind),), photons, 1)).mean(axis=1)  # type: ignore[arg-type]
    n = np.asarray(photons)
    wanted = n * np.exp(-n * dead_part) if kind == "paralyzable" else n / (1 + n * dead_part)
    np.testing.assert_allclose(found, wanted, rtol=0.01)
    assert np.array_equal(found[0], np.rint(found[0] * MANY) / MANY)


def test_few_photons_are_counted_as_whole_numbers_and_the_first_always() -> None:
    drawn = np.asarray(draw((Counting(jnp.asarray(1.0), jnp.asarray(0.4)),), jnp.asarray([3.0]), 3))[0]
    photons = np.asarray(draw((Poisson(),), jnp.asarray([3.0]), 3))[0]
    assert np.array_equal(drawn, np.floor(drawn))
    assert (drawn == 0).mean() == pytest.approx((photons == 0).mean(), abs=0.005)


def test_pixels_images_and_stages_are_independent() -> None:
    noise, flicker = ReadoutNoise(jnp.asarray(2.0)), Flicker(jnp.asarray(0.1), "pixel")
    flat = jnp.full((300, 300), 50.0)
    key = jax.random.key(8)
    drawn = {
        "counts": record((Poisson(),), key, flat),
        "of the next image": record((Poisson(),), jax.random.fold_in(key, 1), flat),
        "noise": record((noise,), key, flat),
        "noise again": record((noise, noise), key, flat) - record((noise,), key, flat),
        "flicker": record((flicker,), key, flat),
        "dark": record((DarkCurrent(jnp.asarray(50.0), jnp.asarray(1.0)),), key, flat),
    }
    images = {name: np.asarray(image) for name, image in drawn.items()}
    limit = 4.5 / 300
    for (one, a), (other, b) in itertools.combinations(images.items(), 2):
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < limit, f"{one}, {other}"
    for name, image in images.items():
        for axis in (0, 1):
            near = np.corrcoef(np.delete(image, 0, axis).ravel(), np.delete(image, -1, axis).ravel())[0, 1]
            assert abs(near) < limit, name


def test_what_a_pixel_draws_is_its_own() -> None:
    chain = (Poisson(), ReadoutNoise(jnp.asarray(1.0)))
    key = jax.random.key(3)
    photons = jnp.asarray(np.random.default_rng(1).uniform(0, 100, (2, 30, 40)))
    whole = record(chain, key, photons)
    # brighter neighbours change nothing
    brighter = photons.at[:, :10].multiply(7.0)
    np.testing.assert_array_equal(record(chain, key, brighter)[:, 10:], whole[:, 10:])
    # neither does a stage that comes between
    between = record(
        (Poisson(), Gain(1.0, 0.0), DarkCurrent(jnp.asarray(0.0), jnp.asarray(1.0)), chain[1]), key, photons
    )
    np.testing.assert_array_equal(between, whole)


def test_a_detector_is_the_same_in_every_image() -> None:
    stage = Calibration(jnp.asarray(0.05), jnp.asarray(1.0), 11)
    flat = jnp.full((50, 60), 100.0)
    first, second = (record((stage,), jax.random.key(seed), flat) for seed in (1, 2))
    np.testing.assert_array_equal(first, second)
    other = record((Calibration(jnp.asarray(0.05), jnp.asarray(1.0), 12),), jax.random.key(1), flat)
    assert abs(np.corrcoef(np.ravel(first), np.ravel(other))[0, 1]) < 4.5 / np.sqrt(flat.size)
