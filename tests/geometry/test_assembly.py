"""Panels laid out in a picture, as by independent NumPy."""

from __future__ import annotations

import numpy as np
from panel_files import SHEETS

from nbjax.geometry.assembly import assembled, plates


def test_every_pixel_lies_where_the_beam_sees_it() -> None:
    sizes = [sheet.edge_um * 1e-6 for sheet in SHEETS]
    laid = plates(
        np.array([sheet.origin_mm / 1000 for sheet in SHEETS]),
        np.array([size * np.array(sheet.fast) for size, sheet in zip(sizes, SHEETS, strict=True)]),
        np.array([size * np.array(sheet.slow) for size, sheet in zip(sizes, SHEETS, strict=True)]),
        [(sheet.pixels[1], sheet.pixels[0]) for sheet in SHEETS],
        np.array([0.0, 0.0, 1.0]),
        np.array([1.0, 0.0, 0.0]),
    )
    rng = np.random.default_rng(1)
    image = rng.random((3, 12, 12))
    picture = assembled(image, laid)
    # x to the right, and y down, along the beam
    corners = np.array(
        [
            sheet.point_mm(*at)[:2]
            for sheet in SHEETS
            for at in ((0, 0), (sheet.pixels[0], 0), (0, sheet.pixels[1]), sheet.pixels)
        ]
    )
    low, step = corners.min(axis=0), min(0.4, 0.4 * np.cos(0.1))
    found = 0
    for number, sheet in enumerate(SHEETS):
        for slow in range(sheet.pixels[1]):
            for fast in range(sheet.pixels[0]):
                x, y = sheet.point_mm(fast + 0.5, slow + 0.5)[:2]
                column, row = ((np.array([x, y]) - low) / step).astype(int)
                around = picture[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
                found += image[number, slow, fast] in around
    assert found == sum(sheet.pixels[0] * sheet.pixels[1] for sheet in SHEETS)
    assert np.isnan(picture).any()
    covered = np.isfinite(picture).sum() * step**2
    wanted = sum(np.prod(sheet.pixels) * size**2 * 1e6 for sheet, size in zip(SHEETS, sizes, strict=True))
    assert abs(covered / (wanted - 72 * 0.16 * (1 - np.cos(0.1))) - 1) < 0.05


def test_bright_pixels_outlive_a_coarser_picture() -> None:
    laid = plates(
        np.array([[0.0, 0.0, 0.1], [0.011, 0.0, 0.1]]),
        np.array([[1e-4, 0, 0]] * 2),
        np.array([[0, 1e-4, 0]] * 2),
        [(100, 100)] * 2,
        np.array([0.0, 0.0, 1.0]),
        np.array([1.0, 0.0, 0.0]),
    )
    image = np.zeros((2, 100, 100))
    image[0, 33, 41], image[1, 2, 98] = 5.0, 7.0
    picture = assembled(image, laid, most=40)
    assert max(picture.shape) <= 45
    row, column = np.argwhere(picture == 5.0)[0]
    np.testing.assert_allclose([row, column], np.array([33, 41]) / 6, atol=1.5)
    row, column = np.argwhere(picture == 7.0)[0]
    np.testing.assert_allclose([row, column], np.array([2, 208]) / 6, atol=1.5)
