"""Differences of two results."""

from __future__ import annotations

import numpy as np
import pytest

from nbjax.convergence.change import Change, PixelList, change

PIXELS = PixelList(np.zeros((5, 2), int), np.array([0, 0, 1, 2, -1]), np.array([1.0, 1.0, 1.0, 1.0, 10.0]))


def test_each_kind_by_hand() -> None:
    fine = np.array([60.0, 40.0, 20.0, 1.0, 0.5])
    coarse = np.array([62.0, 41.0, 19.0, 1.2, 0.4])
    found = change(PIXELS, coarse, fine)
    assert found.pixel == pytest.approx(2 / 60)
    # 1/20 of the second spot; the third is compared with a tenth of the first: 0.2/10
    assert found.spot == pytest.approx(0.05)
    assert found.total == pytest.approx((3 - 1 + 0.2 - 1.0) / 126)
    assert found.largest == found.spot


def test_faint_spots_are_compared_with_a_tenth_of_the_brightest() -> None:
    fine = np.array([60.0, 40.0, 20.0, 1.0, 0.5])
    assert change(PIXELS, fine + np.array([0, 0, 0, 1.0, 0]), fine).spot == pytest.approx(0.1)


def test_the_unit_of_the_photons_does_not_matter() -> None:
    fine, coarse = np.array([60.0, 40.0, 20.0, 1.0, 0.5]), np.array([62.0, 41.0, 19.0, 1.2, 0.4])
    found, faint = change(PIXELS, coarse, fine), change(PIXELS, 1e-9 * coarse, 1e-9 * fine)
    assert (faint.pixel, faint.spot, faint.total) == pytest.approx((found.pixel, found.spot, found.total), rel=1e-12)


def test_a_list_without_pixels_has_no_spots() -> None:
    assert PixelList(np.zeros((0, 2), int), np.zeros(0, int), np.zeros(0)).spots == 0


def test_a_dark_finer_result_makes_any_light_wrong() -> None:
    dark = np.zeros(5)
    assert change(PIXELS, dark, dark) == Change(0.0, 0.0, 0.0)
    assert change(PIXELS, dark + 1e-9, dark) == Change(1.0, 1.0, 1.0)


def test_without_spots_pixels_and_total_are_left() -> None:
    pixels = PixelList(np.zeros((2, 2), int), np.array([-1, -1]), np.ones(2))
    found = change(pixels, np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    assert (found.pixel, found.spot, found.total) == (0.5, 0.0, pytest.approx(0.4))
