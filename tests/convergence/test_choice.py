"""Which pixels stand for an image."""

from __future__ import annotations

import numpy as np
import pytest

from nbjax.convergence.choice import choose_pixels


def spotted(shape: tuple[int, int], peaks: list[tuple[int, int, float]], width: float = 1.2) -> np.ndarray:
    slow, fast = np.indices(shape)
    image = np.full(shape, 1e-3)
    for s, f, height in peaks:
        image += height * np.exp(-((slow - s) ** 2 + (fast - f) ** 2) / (2 * width**2))
    return image


def test_boxes_stand_about_the_brightest_spots_in_order() -> None:
    image = spotted((80, 90), [(20, 30, 5.0), (60, 70, 9.0), (40, 10, 0.1)])
    found = choose_pixels(image, np.ones(image.shape, bool))
    # the third is too faint
    assert found.spots == 2
    for number, centre in enumerate([(60, 70), (20, 30)]):
        box = found.at[found.spot == number]
        assert tuple(box.mean(axis=0)) == centre
        assert image[tuple(box.T)].sum() > 0.99 * 2 * np.pi * 1.2**2 * (9.0, 5.0)[number]
    assert len(np.unique(found.at, axis=0)) == len(found.at)


def test_a_box_holds_what_is_connected_with_the_brightest_and_a_pixel_more() -> None:
    # a tenth of the height lies 2.6 pixels out; the second peak is in reach, and the dip between the two is too deep
    image = spotted((60, 60), [(20, 30, 0.5), (26, 30, 0.4), (0, 50, 0.45)])
    shown = np.ones(image.shape, bool)
    shown[21, 32] = False
    shown[40:, :] = False
    image[50, 50] = 9.0
    found = choose_pixels(image, shown)
    first, corner, second = (found.at[found.spot == number] for number in range(3))
    square = {(s, f) for s in range(17, 24) for f in range(27, 34)} - {(21, 32)}
    assert {(int(s), int(f)) for s, f in first} == square
    # pixels of two boxes belong to the brighter spot
    assert {(int(s), int(f)) for s, f in second} == {(s, f) for s in range(24, 30) for f in range(27, 34)}
    assert {(int(s), int(f)) for s, f in corner} == {(s, f) for s in range(4) for f in range(47, 54)}
    assert found.spots == 3


def test_a_box_ends_in_reach_of_its_brightest_pixel() -> None:
    image = spotted((60, 60), [(30, 31, 5.0)], width=30.0)
    found = choose_pixels(image, np.ones(image.shape, bool))
    box = found.at[found.spot == 0]
    assert box.min(axis=0).tolist() == [23, 24]
    assert box.max(axis=0).tolist() == [37, 38]


def test_a_spot_at_the_edge_and_a_wide_one_have_boxes_inside_the_image() -> None:
    image = spotted((40, 40), [(0, 39, 5.0), (20, 10, 5.0)], width=15.0)
    found = choose_pixels(image, np.ones(image.shape, bool))
    assert found.at.min() == 0
    assert found.at.max() == 39
    assert np.bincount(found.spot[found.spot >= 0]).max() <= 15**2


@pytest.mark.parametrize("panels", [1, 3])
def test_the_total_is_estimated(panels: int) -> None:
    stream = np.random.default_rng(3)
    image = np.stack([spotted((120, 110), [(30 + p, 40, 5.0)]) for p in range(panels)])
    image += stream.random(image.shape) ** 6 * 0.1
    image = image[0] if panels == 1 else image
    shown = np.ones(image.shape, bool)
    shown[..., 100:, :] = False
    found = choose_pixels(image, shown)
    assert shown[tuple(found.at.T)].all()
    assert found.weights @ image[tuple(found.at.T)] == pytest.approx(image[shown].sum(), rel=0.02)
    # of what is not in the image that they were chosen by, too
    other = stream.random(image.shape)
    assert found.weights @ other[tuple(found.at.T)] == pytest.approx(other[shown].sum(), rel=0.1)
    assert np.array_equal(choose_pixels(image, shown).at, found.at)


def test_a_small_image_is_taken_whole() -> None:
    image = spotted((12, 20), [(5, 5, 2.0)])
    found = choose_pixels(image, np.ones(image.shape, bool))
    assert len(found.at) == image.size
    assert found.weights @ image[tuple(found.at.T)] == pytest.approx(image.sum())
