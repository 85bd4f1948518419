"""Spectra by formula against the laws of their distributions."""

from __future__ import annotations

import numpy as np
import pytest

from nbjax.sampling.spectra import gaussian, gaussian_band, gaussian_nodes, sase, sase_points

BAND, SPIKE, SHOTS = 3e-3, 3e-4, 4000


@pytest.fixture(scope="module")
def shots() -> tuple[np.ndarray, np.ndarray]:
    """Offsets, and intensities of many shots."""
    drawn = [sase(seed, BAND, SPIKE) for seed in range(SHOTS)]
    return drawn[0][0], np.array([intensities for _, intensities in drawn])


def test_a_gaussian_has_half_its_height_at_half_its_width() -> None:
    np.testing.assert_allclose(gaussian(np.array([-0.5, 0.0, 0.5])), [0.5, 1.0, 0.5], rtol=1e-15)


@pytest.mark.parametrize("count", [1, 2, 5, 9])
def test_nodes_have_the_moments_of_the_gaussian(count: int) -> None:
    nodes, weights = gaussian_nodes(count)
    variance = 1 / (8 * np.log(2))  # of a full width of one at half maximum
    moments, moment = [], 1.0
    for order in range(count):
        moments += [moment, 0.0]
        moment *= (2 * order + 1) * variance
    np.testing.assert_allclose([(weights * nodes**k).sum() for k in range(2 * count)], moments, rtol=1e-12, atol=1e-14)


def test_the_mean_over_shots_is_the_envelope(shots: tuple[np.ndarray, np.ndarray]) -> None:
    offsets, intensities = shots
    assert len(offsets) == sase_points(BAND, SPIKE)
    over = intensities.mean(0) / gaussian(offsets / BAND)
    # each is the mean of so many exponential numbers of mean one
    assert np.abs(over - 1).max() < 4.5 / np.sqrt(SHOTS)
    assert over.mean() == pytest.approx(1, abs=4 / np.sqrt(SHOTS * 3 * BAND / SPIKE))


def test_spikes_are_as_wide_as_they_should_be(shots: tuple[np.ndarray, np.ndarray]) -> None:
    offsets, intensities = shots
    away = intensities / gaussian(offsets / BAND) - 1
    lags = np.arange(9)
    found = np.array([(away[:, : len(offsets) - lag] * away[:, lag:]).mean() for lag in lags])
    wanted = gaussian(lags * (offsets[1] - offsets[0]) / SPIKE)
    np.testing.assert_allclose(found, wanted, atol=0.03)
    # half of the height at half of the width
    assert found[2] == pytest.approx(0.5, abs=0.03)


def test_one_wavelength_has_an_exponential_distribution(shots: tuple[np.ndarray, np.ndarray]) -> None:
    offsets, intensities = shots
    alone = np.sort(intensities[:, len(offsets) // 2])
    cumulated = (np.arange(SHOTS) + 0.5) / SHOTS
    # Kolmogorov's distance, of which a sample of the law exceeds 1.63 / sqrt(n) once in a hundred
    assert np.abs(cumulated - (1 - np.exp(-alone))).max() < 1.63 / np.sqrt(SHOTS)


def test_a_seed_gives_one_shot() -> None:
    np.testing.assert_array_equal(sase(3, BAND, SPIKE)[1], sase(3, BAND, SPIKE)[1])
    assert np.corrcoef(sase(3, BAND, SPIKE)[1], sase(4, BAND, SPIKE)[1])[0, 1] < 0.9


def test_a_gaussian_is_sampled_as_far_as_there_are_wavelengths() -> None:
    for width, reach in ((0.01, 2.5), (0.36, 2.5), (0.6, 1.5), (1.8, 0.5)):
        offsets, intensities = gaussian_band(width)
        assert (offsets[0], offsets[-1]) == pytest.approx((-reach, reach), rel=1e-12)
        np.testing.assert_allclose(intensities, np.exp(-4 * np.log(2) * offsets**2), rtol=1e-12)


def test_spikes_are_sampled_four_times_in_their_width_and_half_as_far_again_as_the_band() -> None:
    for spike, half in ((1.01 * SPIKE, 60), (0.99 * SPIKE, 61)):
        assert sase_points(BAND, spike) == 2 * half + 1
        np.testing.assert_allclose(sase(1, BAND, spike)[0], spike / 4 * np.arange(-half, half + 1), atol=1e-17)
