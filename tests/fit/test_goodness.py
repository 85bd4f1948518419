from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import xlogy

from nbjax.fit.goodness import Goodness, goodness_of
from nbjax.fit.losses import Gaussian, Loss, Poisson, PoissonGaussian, Robust

SLOW, FAST = np.mgrid[:120, :100]
PIXELS = np.stack([SLOW.reshape(-1), FAST.reshape(-1)], axis=1)


@pytest.fixture
def rng() -> np.random.Generator:
    """One of its own for each test, whatever runs before it."""
    return np.random.default_rng(8)


def spots(peak: float, background: float) -> np.ndarray:
    shape = np.exp(-((SLOW % 12 - 6.0) ** 2 + (FAST % 10 - 5.0) ** 2) / 2)
    return (background + peak * shape).reshape(-1)


def of(loss: Loss, data: np.ndarray, model: np.ndarray) -> Goodness:
    return goodness_of(loss, data, model, PIXELS, 4)


@pytest.mark.parametrize("background", [0.01, 0.5, 20.0])
def test_the_true_model_of_counts_is_good_however_few_there_are(background: float, rng: np.random.Generator) -> None:
    model = spots(5.0 * background, background)
    data = rng.poisson(model).astype(float)
    found = of(Poisson(), data, model)
    assert found.reduced_deviance == pytest.approx(1.0, abs=0.15)
    assert found.correlation == pytest.approx(found.attainable, abs=0.05)
    assert found.explained > 0.9
    assert (found.verdict, found.notes) == ("good", ())
    too_bright = of(Poisson(), data, 3 * model)
    over, over_flat = (
        2 * np.sum(xlogy(data, data / mean) - data + mean) - Poisson().mean_deviance(mean).sum()
        for mean in (3 * model, np.full_like(model, data.mean()))
    )
    assert too_bright.explained == pytest.approx(1 - max(over, 0) / over_flat, rel=1e-6)
    within = over - 2 * np.sqrt(2 * data.size)
    assert too_bright.explained_at_best == pytest.approx(1 - max(within, 0) / over_flat, rel=1e-6)


def test_figures_are_those_of_their_definitions(rng: np.random.Generator) -> None:
    model = spots(9.0, 3.0)
    data = 1.1 * model + rng.normal(0, 2.5, model.shape)
    found = of(Gaussian(2.0), data, model)
    deviance, flat = (float(np.sum(((data - mean) / 2) ** 2)) for mean in (model, data.mean()))
    n = data.size
    assert found.reduced_deviance == pytest.approx(deviance / (n - 4), rel=1e-9)
    assert found.correlation == pytest.approx(np.corrcoef(data, model)[0, 1], rel=1e-9)
    assert found.attainable == pytest.approx(model.std() / np.hypot(model.std(), 2.0), rel=1e-9)
    assert found.explained == pytest.approx(1 - (deviance - n) / (flat - n), rel=1e-9)
    within = deviance - n - 2 * np.sqrt(2 * n)
    assert found.explained_at_best == pytest.approx(1 - within / (flat - n), rel=1e-9)
    assert found.better_than_flat
    # a background takes the place of the flat image
    base = np.full_like(model, 3.0)
    beside = goodness_of(Gaussian(2.0), data, model, PIXELS, 4, base)
    above = float(np.sum(((data - base) / 2) ** 2))
    assert beside.explained == pytest.approx(1 - (deviance - n) / (above - n), rel=1e-9)


@pytest.mark.parametrize(
    ("gain", "determined", "better"), [(32.99, 4, False), (33.01, 4, True), (1e-3, 0, True), (0.0, 0, False)]
)
def test_parameters_are_worth_two_each_and_a_search_its_luck(gain: float, determined: int, better: bool) -> None:
    # two for each of four parameters, and the square of five standard deviations
    data = np.zeros(len(PIXELS))
    data[:2] = 1.0, -1.0
    model = data * (1 - np.sqrt(1 - gain / (2 * 40)))
    found = goodness_of(Gaussian(np.sqrt(1 / 40)), data, model, PIXELS, determined)
    assert found.better_than_flat == better


def test_verdicts_change_at_their_figures() -> None:
    best = Goodness(1.0, 0.9, 0.9, 1.0, 1.0, True, 0.0, False, ())
    assert [replace(best, reduced_deviance=x).verdict for x in (1.4999, 1.5001)] == ["good", "fair"]
    # half of what noise leaves, and half of what there is to explain
    assert [replace(best, correlation=x).verdict for x in (0.45005, 0.44995)] == ["good", "poor"]
    assert [replace(best, explained_at_best=x).verdict for x in (0.5001, 0.4999)] == ["good", "poor"]
    assert replace(best, better_than_flat=False).verdict == "poor"
    assert [len(replace(best, reduced_deviance=x).notes) for x in (0.4999, 0.5001)] == [1, 0]


@pytest.mark.parametrize(
    # few photons are no normal numbers, and the noise has no tails as the robust loss expects them
    ("loss", "sigma", "off"),
    [(Gaussian(3.0), 3.0, 0.0), (PoissonGaussian(2.0), 2.0, 0.03), (Robust(4.0, 2.0), 2.0, 0.1)],
)
def test_readout_noise_counts_as_noise(loss: Loss, sigma: float, off: float, rng: np.random.Generator) -> None:
    model = spots(50.0, 4.0)
    counts = model if isinstance(loss, Gaussian) else rng.poisson(model)
    found = of(loss, counts + rng.normal(0, sigma, model.shape), model)
    assert found.reduced_deviance == pytest.approx(1.0, abs=off + 4 * np.sqrt(2 / model.size))
    assert found.verdict == "good"


def test_a_wrong_model_is_fair_or_poor_and_says_how(rng: np.random.Generator) -> None:
    model = spots(400.0, 10.0)
    data = rng.poisson(model).astype(float)
    wrong = 1.3 * model
    fair = of(Poisson(), data, wrong)
    assert fair.verdict == "fair"
    deviance = 2 * np.mean(xlogy(data, data / wrong) - data + wrong)
    assert fair.reduced_deviance == pytest.approx(deviance / np.mean(1 + 1 / (6 * wrong)), rel=0.002)
    expected = np.mean(1 + 1 / (6 * model) + 2 * (0.3 - np.log(1.3)) * model) / np.mean(1 + 1 / (6 * wrong))
    # of one pixel, the chi-square of the noise and its product with what the model lacks
    variance = np.mean(2 + 4 * np.log(1.3) ** 2 * model)
    assert fair.reduced_deviance == pytest.approx(expected, abs=4 * np.sqrt(variance / model.size))
    assert "residuals are larger than noise by a factor of" in fair.notes[0]
    shifted = of(Poisson(), data, np.roll(model, 2))
    assert shifted.verdict == "poor"
    assert "correlate by" in (shifted.reason or "")
    half = of(Poisson(), data, np.full_like(model, 40.0) + 0.05 * model)
    assert "of what sets the data apart from a flat image" in (half.reason or "")
    flat = of(Poisson(), rng.poisson(np.full_like(model, 7.0)).astype(float), np.full_like(model, 7.0) + 1e-9 * model)
    assert "no better than a flat image" in (flat.reason or "")
    still = of(Poisson(), model, model)
    assert still.verdict == "good"
    assert "smaller than noise" in still.notes[0]


@pytest.mark.parametrize(("sigmas", "verdict"), [(3.0, "poor"), (10.0, "good")])
def test_spots_need_more_evidence_than_a_search_finds_in_noise(
    sigmas: float, verdict: str, rng: np.random.Generator
) -> None:
    shape = spots(1.0, 0.0) - spots(1.0, 0.0).mean()
    faint = 7.0 + shape * sigmas * np.sqrt(7.0 / np.square(shape).sum())
    found = [of(Poisson(), rng.poisson(faint).astype(float), faint).verdict for _ in range(30)]
    assert found == [verdict] * 30


def test_worst_pixels_come_first(rng: np.random.Generator) -> None:
    model = np.full(12000, 100.0) + spots(50.0, 0.0)
    data = rng.poisson(model).astype(float)
    data[[305, 17]] = 900.0, 0.0
    found = of(Poisson(), data, model)
    first, second, *_ = found.worst
    assert (first.slow, first.fast, first.data) == (3, 5, 900.0)
    assert (second.slow, second.fast, second.sigmas) == (0, 17, pytest.approx(-np.sqrt(2 * model[17])))
    assert first.sigmas == pytest.approx(np.sqrt(2 * (model[305] - 900 + 900 * np.log(900 / model[305]))))
    # nor do they make their neighbours look alike
    pearson = (data - model) / np.sqrt(model)
    clipped = np.clip(pearson / np.sqrt(np.square(pearson).mean()), -4, 4).reshape(SLOW.shape)
    products = np.concatenate([(clipped[1:] * clipped[:-1]).ravel(), (clipped[:, 1:] * clipped[:, :-1]).ravel()])
    assert found.neighbours == pytest.approx(products.mean() / np.square(clipped).mean(), rel=1e-6)


@pytest.mark.parametrize(
    ("lacking", "tells"), [(0.1 * FAST, True), (8.0 * np.exp(-(((SLOW - 60) / 25) ** 2)), True), (0.0 * FAST, False)]
)
def test_residuals_that_have_structure_are_told(lacking: np.ndarray, tells: bool, rng: np.random.Generator) -> None:
    model = spots(50.0, 20.0)
    found = of(Poisson(), rng.poisson(model + lacking.reshape(-1) - lacking.mean()).astype(float), model)
    assert found.verdict == "good"
    assert found.structured == tells
    assert ["residuals of neighbouring pixels are alike" in note for note in found.notes] == [True] * tells


@pytest.mark.parametrize("background", [0.002, 0.01, 0.3])
def test_few_photons_have_no_structure(background: float, rng: np.random.Generator) -> None:
    model = spots(3.0, background)
    found = [of(Poisson(), rng.poisson(model).astype(float), model) for _ in range(20)]
    assert not any(goodness.structured for goodness in found)
    assert np.mean([goodness.neighbours for goodness in found]) == pytest.approx(0.0, abs=0.02)
