"""The search by results of which the error is known."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbjax.convergence.change import PixelList, change
from nbjax.convergence.dimension import Counts, Dimension
from nbjax.convergence.search import MOST_EFFORT, Found, Search, Trial

PIXELS = PixelList(np.zeros((5, 2), int), np.array([0, 0, 1, 1, -1]), np.array([1.0, 1.0, 1.0, 1.0, 7.0]))
WHOLE = np.array([10.0, 4.0, 5.0, 2.0, 0.5])
LEVELS = tuple(2**n for n in range(15))


def dimension(name: str, start: int, cost: int = 2) -> Dimension:
    return Dimension(name, f"sampling.{name}", start, LEVELS, cost=cost)


def searched(
    dimensions: tuple[Dimension, ...],
    result: Callable[[Counts], np.ndarray],
    error: float,
    effort: Callable[[Counts], float] = lambda counts: 0.0,
    tell: Callable[[Trial], None] = lambda trial: None,
) -> Found:
    return Search(dimensions, result, lambda a, b: change(PIXELS, a, b), effort, error, tell).run()


averages = st.lists(
    st.tuples(
        st.floats(-0.5, 0.5), st.sampled_from([0.5, 1.0, 2.0]), st.sampled_from([1, 3, 16, 100]), st.integers(0, 4)
    ),
    min_size=1,
    max_size=3,
)


@given(averages, st.sampled_from([0.1, 0.01]))
def test_four_times_as_many_of_each_change_less_than_the_error(
    of: list[tuple[float, float, int, int]], error: float
) -> None:
    dimensions = tuple(dimension(f"d{i}", start, (2, 4)[i % 2]) for i, (_, _, start, _) in enumerate(of))

    def result(counts: Counts) -> np.ndarray:
        found = WHOLE.copy()
        for one, (size, power, _, pixel) in zip(dimensions, of, strict=True):
            found[pixel] += WHOLE[pixel] * size * counts[one.name] ** -power
        return found

    found = searched(dimensions, result, error)
    finer = result({name: 4 * count for name, count in found.counts.items()})
    if found.met:
        assert change(PIXELS, result(found.counts), finer).largest <= error * (1 + 1e-9)
    else:
        assert found.short
    if len(of) == 1 and found.counts["d0"] > 1:
        fewer = found.counts["d0"] // 2
        far = [change(PIXELS, result({"d0": fewer}), result({"d0": fewer * n})).largest for n in (2, 4)]
        assert max(far) > error


def test_averages_that_are_fine_alone_are_refined_together() -> None:
    dimensions = (dimension("d0", 1), dimension("d1", 1))

    def result(counts: Counts) -> np.ndarray:
        return WHOLE * (1 + 0.1 / counts["d0"] + 0.1 / counts["d1"])

    found = searched(dimensions, result, 0.01)
    assert found.met
    # alone 8 would do, 3/4 of 0.1/8 is below 0.01; with 8 and 16 it is 0.014
    assert found.counts == {"d0": 16, "d1": 16}


def test_an_average_that_another_spares_comes_down_again() -> None:
    dimensions = (dimension("d0", 1), dimension("d1", 1))

    def result(counts: Counts) -> np.ndarray:
        return WHOLE * (1 + 0.5 / (counts["d0"] * counts["d1"] ** 2) + 0.2 / counts["d1"])

    assert searched(dimensions, result, 0.02).counts["d0"] == 1


@pytest.mark.parametrize("most", [2.0**6, 2.0**12])
def test_nothing_dearer_than_allowed_is_asked_for(most: float) -> None:
    asked = []

    def result(counts: Counts) -> np.ndarray:
        asked.append(math.prod(counts.values()) / most)
        return WHOLE * (1 + 0.5 / counts["d0"] + 0.5 / counts["d1"])

    dimensions = (dimension("d0", 2**13), dimension("d1", 2**13))
    found = searched(dimensions, result, 1e-3, lambda counts: math.prod(counts.values()) / most)
    assert max(asked) <= MOST_EFFORT
    assert not found.met
    assert found.short


def test_a_list_that_is_taken_whole_has_no_error() -> None:
    whole = Dimension("d0", "beam.channels", 3, (1, 2, 4, 7), exhausted=True)

    def result(counts: Counts) -> np.ndarray:
        return WHOLE * (2.0 if counts["d0"] < 7 else 1.0)

    told: list[Trial] = []
    found = searched((whole,), result, 0.01, tell=told.append)
    assert found.met
    assert found.counts == {"d0": 7}
    assert found.alone["d0"] is not None
    assert found.alone["d0"].largest == 0
    assert [(trial.count, trial.finest, trial.good) for trial in told] == [(4, 7, False), (7, 7, True)]


def test_trials_are_told_once() -> None:
    told: list[Trial] = []
    dimensions = (dimension("d0", 1), dimension("d1", 4))
    searched(dimensions, lambda counts: WHOLE * (1 + 0.5 / counts["d0"]), 0.05, tell=told.append)
    names = [trial.dimension for trial in told]
    # the second falls to one step by step, and the first is looked at anew
    assert [trial.count for trial in told if trial.dimension == "d1"] == [4, 2, 1]
    assert names.count("d0") == len([trial for trial in told if trial.dimension == "d0"])
    assert len({(trial.dimension, trial.count) for trial in told[:-2]}) == len(told[:-2])
