"""Shoeboxes come back from their files as they were."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from nbjax.errors import FileError
from nbjax.refine.pixels import Pixels
from nbjax.refine.shoeboxes import Marks, Shoeboxes, cut


def test_shoeboxes_come_back(tmp_path: Path) -> None:
    photons = np.random.default_rng(1).poisson(9.0, (1, 30, 30)).astype(float)
    spots = Marks(np.array([[1, -2, 3]]), np.zeros(1, int), np.array([[12.2, 14.7]]))
    none = Marks(np.zeros((0, 3), int), np.zeros(0, int), np.zeros((0, 2)))
    boxes = cut(photons, photons > 4, spots, none, 7, 3)
    pixels = Pixels(tmp_path)
    assert not pixels.has(4)
    pixels.write(4, boxes)
    found = pixels.read(4)
    for each in fields(Shoeboxes):
        np.testing.assert_array_equal(getattr(found, each.name), getattr(boxes, each.name))
    (tmp_path / "pixels_000004.npz").write_bytes(b"damaged")
    with pytest.raises(FileError, match=r"pixels_000004\.npz: cannot be read"):
        pixels.read(4)
