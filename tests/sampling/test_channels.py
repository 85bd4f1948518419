from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbjax.sampling.channels import mean_and_spread, reduced
from nbjax.sampling.spectra import gaussian_band


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 60), st.integers(1, 400), st.floats(0.0, 0.9))
def test_total_and_mean_stay_and_the_spread_does_not_grow(seed: int, channels: int, found: int, dark: float) -> None:
    rng = np.random.default_rng(seed)
    wavelengths = np.sort(rng.uniform(0.9, 1.1, found))
    weights = rng.exponential(size=found) * (rng.uniform(size=found) >= dark)
    weights[rng.integers(found)] += 1.0
    few, own = reduced(wavelengths, weights, channels)
    assert len(few) == len(own) == min(channels, found)
    assert own.sum() == pytest.approx(weights.sum(), rel=1e-14)
    (mean, spread), (mean_of_few, spread_of_few) = mean_and_spread(wavelengths, weights), mean_and_spread(few, own)
    assert mean_of_few == pytest.approx(mean, rel=1e-14)
    assert spread_of_few <= spread * (1 + 1e-12)
    shining = few[own > 0]
    assert (np.diff(shining) > 0).all()


def test_the_spread_that_is_lost_falls_with_the_square_of_the_number() -> None:
    offsets, weights = gaussian_band()
    whole = mean_and_spread(offsets, weights)[1]
    lost = [1 - (mean_and_spread(*reduced(offsets, weights, n))[1] / whole) ** 2 for n in (8, 16, 32)]
    assert lost[0] / lost[1] == pytest.approx(4, rel=0.15)
    assert lost[1] / lost[2] == pytest.approx(4, rel=0.15)
    # the least that any quantizer of a Gaussian loses (Max, IRE Trans. IT-6, 7, 1960)
    np.testing.assert_allclose(lost, [0.03454, 0.009497, 0.002499], rtol=0.08)


def test_steps_of_the_list_do_not_matter() -> None:
    # the same density on a grid that is twice as fine on one side
    coarse = np.linspace(0, 1, 201)
    fine = np.concatenate([coarse[:100], np.linspace(coarse[100], 1, 201)])
    by_coarse, _ = reduced(coarse, np.ones(len(coarse)), 8)
    by_fine, _ = reduced(fine, np.gradient(fine), 8)
    np.testing.assert_allclose(by_fine, by_coarse, atol=0.006)


def test_only_ratios_of_weights_matter() -> None:
    offsets, weights = gaussian_band()
    few, own = reduced(offsets, weights, 9)
    few_of_faint, own_of_faint = reduced(offsets, weights * 1e-12, 9)
    np.testing.assert_allclose(few_of_faint, few, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(own_of_faint, own * 1e-12, rtol=1e-9)
    # the nine are as symmetric as the Gaussian is
    np.testing.assert_allclose(few, -few[::-1], atol=1e-3)


def test_mean_and_standard_deviation() -> None:
    assert mean_and_spread(np.array([1.0, 2.0, 4.0]), np.array([1.0, 0.0, 2.0])) == pytest.approx((3.0, 2**0.5))
