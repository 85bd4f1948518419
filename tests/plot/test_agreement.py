"""The numbers of a comparison, by independent formulas."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nbjax.errors import UsageError
from nbjax.plot import Exposure, Layout, Marks, agreement

_SHAPE = 40, 50


def _facing() -> Layout:
    return Layout(
        np.array([[-2.5, -2.0, 20.0]]),
        np.array([[0.1, 0, 0]]),
        np.array([[0, 0.1, 0]]),
        (_SHAPE,),
        np.array([0.0, 0, 1]),
        np.array([1.0, 0, 0]),
        1.0,
        "a test",
    )


@pytest.fixture
def pair() -> tuple[Exposure, Exposure]:
    rng = np.random.default_rng(5)
    model = rng.uniform(20, 60, _SHAPE)
    counts = rng.poisson(1.3 * model).astype(float)
    counts[3, 4] = np.nan
    return Exposure("a", counts, "photons", counted=True), Exposure("b", model, "photons")


def test_figures_are_those_of_their_formulas(pair: tuple[Exposure, Exposure]) -> None:
    first, second = pair
    found = agreement(first, second)
    there = np.isfinite(first.values)
    a, b = first.values[there], second.values[there]
    assert found.common == a.size == 1999
    assert found.correlation == pytest.approx(np.corrcoef(a, b)[0, 1], rel=1e-12)
    assert found.scale == pytest.approx(a.sum() / b.sum())
    assert found.scale == pytest.approx(1.3, abs=0.01)
    assert found.r == pytest.approx(np.abs(a - b).sum() / a.sum())
    assert found.r_scaled == pytest.approx(np.abs(a - found.scale * b).sum() / a.sum())
    assert found.rms_sigmas == pytest.approx(np.sqrt(np.mean((a - b) ** 2 / b)))
    radius = np.hypot(np.arange(40)[:, None] - 19.5, np.arange(50) - 24.5)
    inner = there & (radius < found.edges[1])
    np.testing.assert_allclose(found.profiles[:, 0], [first.values[inner].mean(), second.values[inner].mean()])
    # differences as large as noise makes them
    assert agreement(first, second, scaled=True).rms_sigmas == pytest.approx(1, abs=0.05)
    exchanged = agreement(second, first, scaled=True)
    assert exchanged.rms_sigmas == pytest.approx(1, abs=0.05)
    assert exchanged.scale == pytest.approx(1 / found.scale)


def test_two_counted_images_have_the_noise_of_both() -> None:
    rng = np.random.default_rng(6)
    first, second = (
        Exposure(name, rng.poisson(mean, (100, 100)).astype(float), "photons", counted=True)
        for name, mean in (("a", 120), ("b", 40))
    )
    assert agreement(first, second, scaled=True).rms_sigmas == pytest.approx(1, abs=0.03)


def test_equal_images_agree_wherever_they_are() -> None:
    image = Exposure("a", np.zeros(_SHAPE), "photons", layout=_facing())
    found = agreement(image, image)
    assert (found.r, found.rms_sigmas, found.worst) == (0, 0, ())
    # a constant image correlates with nothing
    assert np.isnan(found.correlation)
    assert found.spacing
    # the farthest pixel's 1/d, by its angle
    angle = np.arctan(np.hypot(2.45, 1.95) / 20.0)
    assert found.edges[-1] == pytest.approx(2 * np.sin(angle / 2))


def test_the_worst_region_is_where_the_images_differ() -> None:
    one = np.full(_SHAPE, 100.0)
    two = one.copy()
    two[10:13, 20:25] -= 60
    two[30, 5] += 50
    found = agreement(Exposure("a", one, "photons"), Exposure("b", two, "photons"))
    first, second = found.worst
    assert first.centre == (22.5, 11.5)
    assert (first.pixels, first.first, first.second) == (15, 1500, 600)
    assert first.sigmas == pytest.approx(900 / np.sqrt(15 * 70))
    assert second.centre == (5.5, 30.5)
    assert second.sigmas == pytest.approx(-50 / np.sqrt(125))


def test_the_worst_spot_is_told_by_its_index() -> None:
    one = np.full(_SHAPE, 10.0)
    two = one.copy()
    two[20, 30] += 90
    centre = np.array([[30.5, 20.5], [10.0, 10.0], [500.0, 10.0]])
    marks = Marks(np.zeros(3, int), centre, np.tile(np.eye(2) / 5, (3, 1, 1)), ("1 2 -3", "0 0 1", "9 9 9"), np.ones(3))
    found = agreement(Exposure("a", one, "photons"), Exposure("b", two, "photons"), marks=marks)
    # a spot that agrees is none of the worst
    (worst,) = found.worst
    assert (worst.name, worst.mark, worst.centre) == ("1 2 -3", 0, (30.5, 20.5))
    # a disc of radius sqrt(3^2 + 9/5) about the middle of a pixel has 37 middles
    assert worst.pixels == 37
    assert worst.second - worst.first == pytest.approx(90)


def test_images_that_cannot_be_compared_are_refused(pair: tuple[Exposure, Exposure]) -> None:
    first, second = pair
    with pytest.raises(UsageError, match=r"b: has 40 x 49 pixels .* a has 40 x 50"):
        agreement(first, replace(second, values=second.values[:, 1:]))
    with pytest.raises(UsageError, match="no pixel in which both have a value"):
        agreement(first, replace(second, values=np.full(_SHAPE, np.nan)))
