"""Rectangles of bad pixels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from nbjax.io.experiments.rectangles import rectangles

BAD = arrays.arrays(bool, st.tuples(st.integers(1, 7), st.integers(1, 7)))


@settings(max_examples=50)
@given(BAD)
def test_every_bad_pixel_is_in_one(bad: np.ndarray) -> None:
    counts = np.zeros(bad.shape, int)
    for left, top, right, bottom in rectangles(bad):
        counts[top:bottom, left:right] += 1
    np.testing.assert_array_equal(counts, bad)


@pytest.mark.parametrize(
    ("limits", "count"), [([(2, 1, 5, 4)], 1), ([(0, 0, 3, 9), (5, 0, 6, 9)], 2), ([(0, 3, 9, 5), (4, 0, 5, 9)], 3)]
)
def test_rectangles_stay_whole(limits: list[tuple[int, ...]], count: int) -> None:
    bad = np.zeros((9, 9), bool)
    for left, top, right, bottom in limits:
        bad[top:bottom, left:right] = True
    found = rectangles(bad)
    assert len(found) == count
    assert set(limits) <= set(found) or count == 3
