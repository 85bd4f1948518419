"""Spots that are looked at, and pixels that belong to no other."""

from __future__ import annotations

import numpy as np

from nbjax.refine.shoeboxes import Marks, chosen_spots, cut

NONE = Marks(np.zeros((0, 3), int), np.zeros(0, int), np.zeros((0, 2)))


def marks(*centres: tuple[float, float], first: int = 1) -> Marks:
    hkl = np.array([[first + i, 0, 0] for i in range(len(centres))])
    return Marks(hkl, np.zeros(len(centres), int), np.array(centres))


def test_observed_spots_come_first_and_once() -> None:
    found = chosen_spots(marks((1, 1), (2, 2)), marks((1.1, 1), (9, 9), (5, 5), first=2), 3)
    assert found.hkl[:, 0].tolist() == [1, 2, 3]
    assert len(chosen_spots(marks(*[(i, i) for i in range(9)]), NONE, 4)) == 4


def test_pixels_of_neighbours_and_bad_ones_are_left_out() -> None:
    photons, usable = np.arange(900.0).reshape(1, 30, 30), np.ones((1, 30, 30), bool)
    usable[0, 12, 13] = False
    found = cut(photons, usable, marks((12.5, 12.5)), marks((17.5, 12.5)), 7, 3)
    assert found.rows.tolist() == [0]
    assert found.corner[0].tolist() == [9, 9]
    assert found.valid.shape == (3, 7, 7)
    assert found.valid[0, :, 6].sum() == 0
    assert found.valid[0, 3, 4] == 0
    assert found.valid[0, :, :6].sum() == 41
    assert found.data[0, 0, 0] == photons[0, 9, 9]
    assert not found.valid[1:].any()


def test_spots_on_each_other_and_on_bad_pixels_are_not_looked_at() -> None:
    photons, usable = np.zeros((1, 40, 40)), np.ones((1, 40, 40), bool)
    usable[0, 28:33, 28:33] = False
    spots = marks((10, 10), (11, 10), (30, 30), (20, 8))
    assert cut(photons, usable, spots, NONE, 7, 9).rows.tolist() == [3]
