"""Which pixels a fit sees, chunk by chunk; which images it refuses; and boxes about spots."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from problems import toy

from nbjax.fit.groups import Groups
from nbjax.fit.observation import boxes, observe, unusable

IMAGE = np.random.default_rng(1).poisson(9.0, (20, 20)).astype(float)
PLACES = np.argwhere(np.ones(IMAGE.shape, bool))


def groups(sizes: list[int], width: int = 0) -> Groups:
    pixels = np.split(PLACES[: sum(sizes)], np.cumsum(sizes)[:-1]) if sizes else []
    return Groups(tuple(pixels), tuple(at[:, :width] / 7.0 for at in pixels))


@settings(max_examples=20)
@given(
    st.lists(st.lists(st.integers(1, 30), max_size=6), min_size=1, max_size=3).filter(any),
    st.integers(1, 90),
)
def test_every_pixel_is_seen_once_in_few_chunks_of_one_size(sizes: list[list[int]], chunk: int) -> None:
    shots = [groups(each) for each in sizes]
    seen = observe([IMAGE] * len(shots), shots, "none", 0, chunk)
    pixels, data, weight = map(np.asarray, (seen.pixels, seen.data, seen.weight))
    assert seen.background is None
    np.testing.assert_array_equal(seen.used(), [sum(each) for each in sizes])
    for shot, each in enumerate(sizes):
        at = pixels[shot].reshape(-1, 2)
        used = weight[shot].reshape(-1) > 0
        np.testing.assert_array_equal(at[used], PLACES[: sum(each)])
        np.testing.assert_array_equal(data[shot].reshape(-1)[used], IMAGE[tuple(at[used].T)])
        # what fills up is of the same shot
        assert {tuple(row) for row in at[~used]} <= {(0, 0), *map(tuple, at[used])}
    most, longest = max(max(each, default=1) for each in sizes), max(map(len, sizes))
    _, chunks, n = data.shape
    together = n // most
    assert n == together * most
    # a group larger than a chunk is one
    assert n < chunk + most
    assert (chunks - 1) * together < longest <= chunks * together


def test_as_many_groups_come_together_as_a_chunk_holds() -> None:
    def shape(sizes: list[int], chunk: int) -> tuple[int, ...]:
        return observe([IMAGE], [groups(sizes)], "none", 0, chunk).data.shape

    assert shape([5, 4, 3, 5], 10) == (1, 2, 10)
    assert shape([5, 4, 3, 5], 20) == (1, 1, 20)
    assert shape([5, 4, 3, 5], 19) == (1, 2, 10)
    assert shape([5, 4, 3], 4) == (1, 3, 5)
    assert shape([], 4) == (1, 1, 1)


def test_what_fills_a_group_up_is_its_first_pixel_and_what_fills_a_chunk_the_first_of_the_shot() -> None:
    seen = observe([IMAGE], [groups([3, 1], 2)], "plane", 3, 100)
    assert np.asarray(seen.pixels)[0, 0].tolist() == [[0, 0], [0, 1], [0, 2], [0, 3], [0, 3], [0, 3]]
    assert seen.background is not None
    places = np.asarray(seen.background.place)
    assert places.shape == (1, 1, 2, 3, 2)
    np.testing.assert_allclose(places[0, 0, 0, :, 1], np.arange(3) / 7)
    alone = observe([IMAGE, IMAGE], [groups([3, 1]), groups([2])], "constant", 1, 100)
    assert np.asarray(alone.pixels)[1, 0, 3:].tolist() == [[0, 0]] * 3


def test_an_image_is_refused_by_its_first_fault() -> None:
    used = np.ones((3, 4), bool)
    good = np.arange(12.0).reshape(3, 4)
    assert unusable(good, used, 0.0) is None
    assert unusable(good, ~used, 0.0) == "no pixel is left after masking; check mask and region"
    holes = good.copy()
    holes[1, 2] = holes[2, 3] = np.inf
    assert (unusable(holes, used, 0.0) or "").startswith("2 pixels are NaN or infinite, the first at (slow, fast) = (1")
    below = good - 1.0
    assert (unusable(below, used, 0.0) or "").startswith("1 pixel is negative, the first at (slow, fast) = (0, 0)")
    # what a loss with noise allows
    assert unusable(below, used, -1.0) is None
    # what is not used is not looked at
    assert unusable(below, good > 0, 0.0) is None
    one = np.zeros((3, 4), bool)
    one[2, 2] = True
    assert unusable(good, one, 0.0) is None
    one[2, 1] = True
    assert unusable(np.full((3, 4), 7.0), one, 0.0) == (
        "is blank: all of its 2 pixels hold 7; check the file, the mask and the region"
    )
    assert unusable(good, one, 0.0) is None


def test_boxes_lie_about_local_maxima_that_stand_out(monkeypatch: pytest.MonkeyPatch) -> None:
    photons = np.full((16, 16), 2.0)
    photons[2, 2], photons[4, 1], photons[2, 5], photons[8, 9], photons[13, 3] = 50.0, 49.0, 48.0, 10.5, 9.5
    monkeypatch.setattr("nbjax.fit.observation.simulate", lambda experiment: photons)

    def spots(found: np.ndarray) -> set[tuple[int, ...]]:
        """Middles of whole boxes of 5 x 5."""
        from scipy.ndimage import binary_erosion

        return {tuple(map(int, at)) for at in np.argwhere(binary_erosion(found, np.ones((5, 5), bool)))}

    # the second is too near to the first, the last no five times the median
    assert spots(boxes(toy(), 2, 5.0)) >= {(2, 2), (2, 5), (8, 9)}
    assert boxes(toy(), 2, 5.0).sum() == 5 * 8 + 25
    assert spots(boxes(toy(), 2, 5.0, most=1)) == {(2, 2)}
    assert boxes(toy(), 2, 5.0, most=2).sum() == 5 * 8
    assert spots(boxes(toy(), 2, 4.5)) >= {(2, 2), (8, 9), (13, 3)}
    # the median is that of the pixels that are shown
    assert not boxes(replace(toy(), grid=replace(toy().grid, roi=(9, 10, 8, 9))), 2, 5.0).any()
