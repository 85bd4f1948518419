"""Counting noise: the statistics of Poisson counts, and the C program's noise image count for count."""

from __future__ import annotations

import math
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy import stats
from scipy.special import gammaincc
from scipy.stats import norm

from nbjax.physics.noise import _ReferenceSampler, poisson_counts, quantile, reference_poisson, uniforms
from nbjax.sampling.reference_random import Ran1

GOLDEN = Path(__file__).parents[1] / "golden" / "noise_poisson" / "images.npz"
DRAWS = 200_000
RATES = [0.01, 3.0, 9.9, 31.9, 32.0, 255.0, 1e3, 1e5, 9e7, 1e9]
ADC_OFFSET = 40
MEANS = np.array([[0.0, 0.7, 2e6, 11.99, 12.0], [345.6, 5e4, 999999.0, 1.5e6, 3e9]])
C_COUNTS = np.array([[0.0, 0.0, 1998235.75, 12.0, 10.0], [341.0, 50237.0, 999376.0, 1499806.125, 3e9]])


# one compilation for all rates
draw = jax.jit(poisson_counts)


@pytest.mark.parametrize("rate", RATES)
def test_counts_have_the_mean_and_variance_of_poisson(rate: float) -> None:
    counts = np.asarray(draw(jnp.full(DRAWS, rate), jax.random.key(3)))
    assert counts.dtype == np.float64
    assert np.array_equal(counts, np.floor(counts))
    assert counts.mean() == pytest.approx(rate, abs=4.5 * np.sqrt(rate / DRAWS))
    assert counts.var() == pytest.approx(rate, rel=4.5 * np.sqrt((2 + 1 / rate) / DRAWS))


@pytest.mark.parametrize("rate", [0.3, 9.9, 31.9, 32.1, 100.0, 2e3])
def test_counts_have_the_distribution_of_poisson(rate: float) -> None:
    counts = np.asarray(draw(jnp.full(DRAWS, rate), jax.random.key(8)))
    cumulative = np.asarray(stats.poisson.cdf(jnp.arange(int(rate + 12 * np.sqrt(rate)) + 12), rate))
    edges = np.unique(np.searchsorted(cumulative, np.linspace(0, 1, 41)[1:-1]))
    expected = np.diff(np.concatenate([[0], cumulative[edges], [1]])) * DRAWS
    observed = np.bincount(np.searchsorted(edges, counts), minlength=len(expected))
    chi_squared = np.sum((observed - expected) ** 2 / expected)
    assert stats.chi2.sf(chi_squared, len(expected) - 1) > 1e-4


@pytest.mark.parametrize("rate", [1e4, 1e8])
def test_large_counts_are_odd_as_often_as_even(rate: float) -> None:
    counts = np.asarray(draw(jnp.full(DRAWS, rate), jax.random.key(1)))
    assert np.mean(counts % 2) == pytest.approx(0.5, abs=4.5 * 0.5 / np.sqrt(DRAWS))


def test_no_photons_give_no_counts_and_nan_stays() -> None:
    counts = np.asarray(draw(jnp.zeros(DRAWS).at[1:3].set(jnp.array([-1e-20, np.nan])), jax.random.key(0)))
    assert np.array_equal(np.flatnonzero(np.isnan(counts)), [2])
    assert not np.delete(counts, 2).any()


def test_counts_may_be_mapped() -> None:
    photons = jnp.stack([jnp.full(DRAWS, 2.0), jnp.linspace(0.0, 1e6, DRAWS)])
    keys = jax.random.split(jax.random.key(4), 2)
    alone = jnp.stack([draw(row, key) for row, key in zip(photons, keys, strict=True)])
    assert np.array_equal(jax.vmap(draw)(photons, keys), alone)


def test_pixels_and_keys_draw_independently() -> None:
    photons = jnp.full(DRAWS, 400.0)
    first, second, again = (np.asarray(draw(photons, jax.random.key(seed))) for seed in (1, 2, 1))
    assert np.array_equal(first, again)
    for pair in ((first[1:], first[:-1]), (first, second)):
        assert abs(np.corrcoef(*pair)[0, 1]) < 4.5 / np.sqrt(DRAWS)


def test_32_bit_counts_are_good() -> None:
    with jax.enable_x64(False):
        counts = draw(jnp.full(DRAWS, 1e5, jnp.float32), jax.random.key(3))
    assert counts.dtype == np.float32
    assert np.var(np.asarray(counts, float)) == pytest.approx(1e5, rel=0.02)


def test_the_reference_noise_image_count_for_count() -> None:
    golden = np.load(GOLDEN)
    photons = golden["c"]
    counts = reference_poisson(photons, np.ones(photons.shape, bool), Ran1(12345).uniform)
    assert np.array_equal((counts + ADC_OFFSET).astype(np.uint16), golden["c_noise"])


def test_reference_counts_of_every_branch() -> None:
    """Values of the C functions poidev, gaussdev, gammln and ran1 for these means in this order, seed 99."""
    counts = reference_poisson(MEANS, np.ones(MEANS.shape, bool), Ran1(99).uniform)
    assert np.array_equal(counts, C_COUNTS)


def test_reference_draws_only_where_asked_in_row_order() -> None:
    drawn = np.zeros((2, 10), bool)
    drawn[0, 3::2] = drawn[1, :4] = True
    photons = np.full((2, 10), 7.0)
    photons[drawn] = MEANS.ravel()[:8]
    done: list[int] = []
    counts = reference_poisson(photons, drawn, Ran1(99).uniform, done.append)
    assert np.array_equal(counts[drawn], C_COUNTS.ravel()[:8])
    assert not counts[~drawn].any()
    assert done == [0]


def test_a_stream_of_zeros_ends() -> None:
    counts = reference_poisson(np.array([[3.0, 30.0]]), np.ones((1, 2), bool), lambda: 0.0)
    assert np.array_equal(counts, [[0.0, 30.0]])


def test_the_reference_draws_no_count_below_zero_photons() -> None:
    photons = np.array([[-892.0, -3e9, 0.0, -1e-3]])
    drawn: list[float] = []

    def uniform() -> float:
        drawn.append(0.5)
        return 0.5

    assert not reference_poisson(photons, np.ones_like(photons, bool), uniform).any()
    assert len(drawn) == 4  # each pixel takes one number from the stream, as in the C program


@pytest.mark.parametrize(("mean", "tolerance"), [(32.0, 1e-7), (256.0, 1e-9), (1e4, 1e-11)])
def test_quantiles_are_those_of_poisson(mean: float, tolerance: float) -> None:
    w = np.linspace(-5, 5, 101)
    found = np.asarray(quantile(jnp.float64(mean), jnp.asarray(w)))
    np.testing.assert_allclose(gammaincc(found, mean), norm.cdf(w), rtol=0, atol=tolerance)


@pytest.mark.parametrize(("width", "kept"), [(64, 52), (32, 23)])
def test_no_random_number_is_zero_or_one(width: int, kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    bits = jnp.array([0, 2**width - 1, 2 ** (width - 1), 2 ** (width - 1) - 1], f"uint{width}")
    monkeypatch.setattr(jax.random, "bits", lambda *_: bits)
    least, most, above, below = map(float, uniforms(jax.random.key(0), (4,), f"float{width}"))
    assert least == 0.5**kept / 2
    assert most == 1 - least
    assert above - 0.5 == 0.5 - below == least


def test_the_logarithm_of_the_gamma_function_in_the_bits_of_the_c_program() -> None:
    sampler = _ReferenceSampler(lambda: 0.5)
    for x in (1.0, 1.25, 2.0, 3.5, 13.0, 400.5, 1e6 + 1):
        wanted = math.lgamma(np.float32(x))
        assert sampler._log_gamma(x) == pytest.approx(wanted, rel=1.2e-7, abs=1e-9)


def test_the_reference_draws_no_whole_numbers_from_a_million_photons_on() -> None:
    # neighbours among 32-bit floats
    means = np.array([[1e6, 1e6 + 0.0625, 1e6 + 0.0625]])
    counts = reference_poisson(means, np.ones(means.shape, bool), Ran1(5).uniform)
    assert (counts % 1 != 0).tolist() == [[False, True, True]]


def test_the_reference_takes_no_count_below_zero_but_zero_itself() -> None:
    # a Lorentzian about 12 that falls to -1/2, and then to 1/2, where it is accepted once in three thousand times
    turns = [1 + math.atan((count - 12) / math.sqrt(24)) / math.pi for count in (-0.5, 0.5)]
    for last, wanted in ((2e-4, 0.0), (4e-4, 12.0)):
        stream = iter([*turns, last, 0.0, 0.0])
        assert reference_poisson(np.array([[12.0]]), np.ones((1, 1), bool), lambda: next(stream)) == wanted  # noqa: B023


def test_the_reference_pairs_gaussian_deviates_within_the_unit_circle() -> None:
    # a point just outside of the circle, and one inside
    stream = iter([0.85365, 0.85365, 0.75, 0.6])
    counts = reference_poisson(np.full((1, 2), 4e6), np.ones((1, 2), bool), lambda: next(stream))
    factor = math.sqrt(-2 * math.log(0.29) / 0.29)
    np.testing.assert_allclose(counts, [[4e6 + 2e3 * 0.2 * factor, 4e6 + 2e3 * 0.5 * factor]], rtol=1e-7)


@pytest.mark.parametrize("turn", [0.93, 0.05, 0.2])
def test_the_reference_accepts_as_often_as_poisson_lies_under_its_lorentzian(turn: float) -> None:
    mean, y = 14.0, math.tan(math.pi * turn)
    count = math.floor(math.sqrt(2 * mean) * y + mean)
    # ten ninths of the Lorentzian, as high as the distribution at its mean
    poisson = math.exp(count * math.log(mean) - math.lgamma(count + 1))
    highest = math.exp(mean * math.log(mean) - math.lgamma(mean + 1))
    ratio = 0.9 * (1 + y * y) * poisson / highest
    assert 0.1 < ratio < 1
    for factor, wanted in ((1 - 2e-4, count), (1 + 2e-4, mean)):
        stream = iter([turn, ratio * factor, 0.0, 0.0])
        assert reference_poisson(np.array([[mean]]), np.ones((1, 1), bool), lambda: next(stream)) == wanted  # noqa: B023
