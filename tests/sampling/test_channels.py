from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr, ndtri

from nbjax.sampling.channels import mean_and_spread, reduced
from nbjax.sampling.spectra import FULL_WIDTHS, gaussian_band


@settings(max_examples=60)
@given(st.integers(0, 2**31), st.integers(1, 60), st.integers(1, 400), st.floats(0.0, 0.9))
def test_total_mean_and_spread_stay(seed: int, channels: int, found: int, dark: float) -> None:
    rng = np.random.default_rng(seed)
    wavelengths = np.sort(rng.uniform(0.9, 1.1, found))
    weights = rng.exponential(size=found) * (rng.uniform(size=found) >= dark)
    weights[rng.integers(found)] += 1.0
    few, own = reduced(wavelengths, weights, channels)
    assert len(few) == len(own) == min(channels, found)
    assert own.sum() == pytest.approx(weights.sum(), rel=1e-14)
    (mean, spread), (mean_of_few, spread_of_few) = mean_and_spread(wavelengths, weights), mean_and_spread(few, own)
    assert mean_of_few == pytest.approx(mean, rel=1e-14)
    shining, lit = few[own > 0], wavelengths[weights > 0]
    low, high = lit[0] - 0.01 * (lit[-1] - lit[0]), lit[-1] + 0.01 * (lit[-1] - lit[0])
    assert low - 1e-14 <= shining[0]
    assert shining[-1] <= high + 1e-14
    # but where one of them stands for all, or they would lie beyond the list
    inside = low + 1e-12 < shining[0] and shining[-1] < high - 1e-12 and len(shining) > 1
    assert spread_of_few == pytest.approx(spread, rel=1e-9) or (spread_of_few < spread and not inside)
    assert (np.diff(shining) > 0).all()


@pytest.mark.parametrize("count", [8, 21, 32])
def test_bins_have_equal_parts_of_the_cube_root_of_a_gaussian(count: int) -> None:
    # which is a Gaussian of three times the variance
    edges = np.sqrt(3) * ndtri(np.linspace(0, 1, count + 1))
    found = reduced(*gaussian_band(0.01), count)[1]
    np.testing.assert_allclose(found / found.sum(), np.diff(ndtr(edges)), rtol=0.02, atol=1e-5)


@pytest.mark.parametrize("count", [2, 5, 21, 100])
def test_a_gaussian_has_its_variance_on_any_number_of_wavelengths(count: int) -> None:
    places, weights = reduced(*gaussian_band(0.02), count)
    assert mean_and_spread(places, weights) == pytest.approx((0, 1 / FULL_WIDTHS), rel=1e-6, abs=1e-12)


def test_steps_of_the_list_do_not_matter() -> None:
    # the same density on a grid that is twice as fine on one side
    coarse = np.linspace(0, 1, 201)
    fine = np.concatenate([coarse[:100], np.linspace(coarse[100], 1, 201)])
    by_coarse, _ = reduced(coarse, np.ones(len(coarse)), 8)
    by_fine, _ = reduced(fine, np.gradient(fine), 8)
    np.testing.assert_allclose(by_fine, by_coarse, atol=0.006)


def test_only_ratios_of_weights_matter() -> None:
    offsets, weights = gaussian_band(0.01)
    few, own = reduced(offsets, weights, 9)
    few_of_faint, own_of_faint = reduced(offsets, weights * 1e-12, 9)
    np.testing.assert_allclose(few_of_faint, few, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(own_of_faint, own * 1e-12, rtol=1e-9)
    # the nine are as symmetric as the Gaussian is
    np.testing.assert_allclose(few, -few[::-1], atol=1e-3)


def test_mean_and_standard_deviation() -> None:
    assert mean_and_spread(np.array([1.0, 2.0, 4.0]), np.array([1.0, 0.0, 2.0])) == pytest.approx((3.0, 2**0.5))


@pytest.mark.parametrize("seed", [20, 21, 78])
def test_a_wavelength_that_would_lie_beyond_the_list_stays_a_hundredth_of_it_from_its_end(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = rng.integers(4, 12)
    wavelengths = np.sort(rng.uniform(0, 1, count))
    weights = rng.exponential(size=count) ** rng.integers(1, 6)
    few, own = reduced(wavelengths, weights, int(rng.integers(2, 4)))
    margin = 0.01 * (wavelengths[-1] - wavelengths[0])
    ends = wavelengths[0] - margin - few[0], wavelengths[-1] + margin - few[-1]
    assert min(map(abs, ends)) < 1e-12
    assert mean_and_spread(few, own)[1] < mean_and_spread(wavelengths, weights)[1]


@settings(max_examples=30)
@given(st.integers(0, 2**31), st.integers(2, 20), st.integers(30, 200))
def test_the_mirrored_spectrum_has_mirrored_wavelengths(seed: int, channels: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    wavelengths, weights = np.sort(rng.uniform(-1, 1, count)), rng.exponential(size=count)
    few, own = reduced(wavelengths, weights, channels)
    mirrored, own_mirrored = reduced(-wavelengths[::-1], weights[::-1], channels)
    np.testing.assert_allclose(-mirrored[::-1], few, atol=1e-9)
    np.testing.assert_allclose(own_mirrored[::-1], own, rtol=1e-12)
