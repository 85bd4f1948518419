"""Amplitudes by Bayes' rule against sums that are written out, and their limits."""

from __future__ import annotations

import numpy as np
import pytest

from nbjax.refine.amplitudes import Prior, amplitudes, wilson_means


@pytest.mark.parametrize("centric", [False, True])
@pytest.mark.parametrize("intensity", [-60.0, 0.0, 80.0, 900.0])
def test_amplitudes_are_means_over_the_posterior(centric: bool, intensity: float) -> None:
    mean, sigma = 100.0, 40.0
    F = np.linspace(1e-3, 60, 200_001)
    density = np.exp(-((F**2 - intensity) ** 2) / (2 * sigma**2))
    density *= np.exp(-(F**2) / (2 * mean)) if centric else F * np.exp(-(F**2) / mean)
    wanted = (F * density).sum() / density.sum()
    spread = np.sqrt(((F - wanted) ** 2 * density).sum() / density.sum())
    prior = Prior(np.array([mean]), None, np.array([centric]))
    found, found_sigma = amplitudes(np.array([intensity]), np.array([sigma]), prior)
    assert found[0] == pytest.approx(wanted, rel=2e-3)
    assert found_sigma[0] == pytest.approx(spread, rel=1e-2)


def test_what_was_not_measured_is_as_the_prior_says() -> None:
    prior = Prior(np.full(2, 100.0), None, np.array([False, True]))
    found, sigma = amplitudes(np.zeros(2), np.full(2, np.inf), prior)
    # Wilson's means of F, over the root of the mean intensity
    np.testing.assert_allclose(found / 10, [np.sqrt(np.pi) / 2, np.sqrt(2 / np.pi)], rtol=2e-3)
    np.testing.assert_allclose(sigma / 10, [np.sqrt(1 - np.pi / 4), np.sqrt(1 - 2 / np.pi)], rtol=1e-2)


def test_strong_reflections_and_known_ones() -> None:
    none = np.zeros(1, bool)
    found, sigma = amplitudes(np.array([1e4]), np.array([20.0]), Prior(np.array([100.0]), None, none))
    assert found[0] == pytest.approx(np.sqrt(1e4 - 20.0**2 / 100), rel=1e-5)
    assert sigma[0] == pytest.approx(20.0 / 200, rel=1e-2)
    # two measurements of the same weight
    found, _ = amplitudes(np.array([1e4]), np.array([20.0]), Prior(np.array([1.01e4]), np.array([20.0]), none))
    assert found[0] == pytest.approx(np.sqrt(1.005e4), rel=1e-5)


def test_means_of_shells() -> None:
    rng = np.random.default_rng(2)
    shell = np.repeat([0, 1], 4000)
    epsilon = np.where(np.arange(8000) % 4 == 0, 2.0, 1.0)
    true = rng.exponential(size=8000) * np.where(shell == 0, 400, 30) * epsilon
    sigma = np.where(np.arange(8000) % 9 == 0, np.inf, 25.0)
    means = wilson_means(true + rng.normal(0, 25, 8000), sigma, epsilon, shell)
    np.testing.assert_allclose(means[[1, 4, 4001, 4004]], [400, 800, 30, 60], rtol=0.1)
