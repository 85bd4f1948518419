"""Figures, by what they are made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, PowerNorm

from nbjax.errors import ArgumentError
from nbjax.plot import (
    Choices,
    Exposure,
    Layout,
    Marks,
    Scale,
    Zoom,
    agreement,
    comparison_page,
    draw_image,
    page,
    ring_spacings,
    sheet_of,
)


def _layout(panels: int = 1) -> Layout:
    shift = np.arange(panels)[:, None] * np.array([6.0, 0, 0])
    return Layout(
        np.array([-2.5, -2.0, 20.0]) + shift,
        np.tile([0.1, 0, 0], (panels, 1)),
        np.tile([0, 0.1, 0], (panels, 1)),
        ((40, 50),) * panels,
        np.array([0.0, 0, 1]),
        np.array([1.0, 0, 0]),
        1.0,
        "a test",
    )


def _lines(axes: Axes, gid: str) -> list[np.ndarray]:
    return [np.asarray(line.get_xydata()) for line in axes.lines if line.get_gid() == gid]


def test_a_picture_has_rings_centre_and_two_units() -> None:
    axes = draw_image(np.ones((40, 50)), _layout(), rings=[8.0, 5.0])
    (curve,) = _lines(axes, "ring 8")
    # 2 theta of 8 A, on a panel across the beam
    radius_px = 200 * np.tan(2 * np.arcsin(1 / 16))
    found = np.hypot(*(curve - (25, 20)).T)
    np.testing.assert_allclose(found[np.isfinite(found)], radius_px, rtol=1e-12)
    assert np.isnan(found).any()
    assert [tuple(point) for point in _lines(axes, "beam centre")[0]] == [(25, 20)]
    assert axes.images[0].get_extent() == [0, 50, 40, 0]
    figure: Any = axes.get_figure()
    figure.draw_without_rendering()
    units = [(child.get_xlabel() or child.get_ylabel(), child.get_xlim()) for child in axes.child_axes]
    assert ("mm", (0, 5)) in units
    with pytest.raises(ArgumentError, match=r"0\.5 A"):
        draw_image(np.ones((40, 50)), _layout(), rings=[0.4])
    with pytest.raises(ArgumentError, match="its axes are exchanged"):
        draw_image(np.ones((50, 40)), _layout())


def test_panels_are_laid_out_in_mm_about_the_beam() -> None:
    values = np.zeros((2, 40, 50))
    values[1, 7, 3] = 5.0
    sheet = sheet_of(values, _layout(2))
    left, right, bottom, top = sheet.extent
    down, across = np.argwhere(sheet.picture == 5.0)[0] + 0.5
    shape = sheet.picture.shape
    at = left + (right - left) * across / shape[1], top + (bottom - top) * down / shape[0]
    np.testing.assert_allclose(at, (3.5 + 0.35, -2.0 + 0.75), atol=0.05)
    np.testing.assert_allclose(sheet.place(1, np.array([3.5, 7.5])), (3.85, -1.25))
    # a bright pixel stays where a picture is coarser
    assert np.nanmax(sheet_of(values, _layout(2), most=10).picture) == 5.0
    assert np.nanmax(sheet_of(values[1], most=10).picture) == 5.0
    assert sheet_of(values).picture.shape == (80, 50)


def test_rings_of_choice_are_round_and_in_sight() -> None:
    spacings = ring_spacings(_layout())
    finest = 1 / (2 * np.sin(np.arctan(np.hypot(2.5, 2.0) / 20) / 2))
    assert spacings == sorted(spacings, reverse=True)
    assert len(spacings) == 5
    assert all(spacing == float(f"{spacing:.2g}") > finest for spacing in spacings)


def test_scales_have_robust_limits() -> None:
    rng = np.random.default_rng(1)
    background = rng.uniform(1, 2, 100_000)
    spots = np.concatenate([background, np.full(100, 5000.0), [np.nan]])
    outlier = np.concatenate([spots, [1e9]])
    assert isinstance(Scale().norm(spots), LogNorm)
    assert Scale().norm(outlier).vmax == 5000
    assert isinstance(Scale().norm(background), PowerNorm)
    chosen = Scale("linear", 1.0, 3.0).norm(spots)
    assert (chosen.vmin, chosen.vmax) == (1, 3)
    for images in ([], [np.zeros(4)], [np.full(3, np.nan)], [np.full(3, -2.0)]):
        for course in ("auto", "log", "sqrt", "linear"):
            norm = Scale(course).norm(*images)
            assert norm.vmin is not None
            assert norm.vmax is not None
            assert norm.vmin < norm.vmax


def test_pages_hold_images_spots_and_zooms() -> None:
    values = np.random.default_rng(2).uniform(1, 9, (40, 50))
    layout = _layout()
    marks = Marks(np.zeros(2, int), np.array([[30.0, 9], [8, 30]]), np.zeros((2, 2, 2)), ("1 0 0", "0 2 0"), np.ones(2))
    exposures = [Exposure("a", values, "photons", layout=layout), Exposure("b", 4 * values, "photons")]
    zooms = (Zoom(0, (30.0, 9.0), "1 0 0", 0), Zoom(0, (5.0, 5.0), "5, 5"))
    figure: Any = page(exposures, Choices(marks=marks, indices=1, zooms=zooms))
    figure.draw_without_rendering()
    pictures = [axes for axes in figure.axes if axes.images]
    first, second, *close = pictures
    # one scale, so that they can be compared
    assert first.images[0].norm.vmax == second.images[0].norm.vmax
    (outlines,) = [each for each in first.collections if each.get_gid() == "spots"]
    middles = [path.vertices[:-1].mean(axis=0) for path in outlines.get_paths()]
    np.testing.assert_allclose(middles, marks.centre, atol=1e-9)
    assert "1 0 0" in [text.get_text() for text in first.texts]
    assert [axes.get_xlim() for axes in close] == [(18, 42), (-7, 17)] * 2
    theta = np.arctan(np.hypot(30 - 25, 9 - 20) / 200) / 2
    assert close[0].get_title(loc="left") == f"1 0 0\n{1 / (2 * np.sin(theta)):.3g} Å"


def test_comparisons_show_the_difference_and_the_worst() -> None:
    one = np.full((40, 50), 100.0)
    two = one.copy()
    two[10:12, 20:22] = 10
    first, second = Exposure("a", one, "photons", layout=_layout()), Exposure("b", two, "photons")
    found = agreement(first, second)
    figure: Any = comparison_page(first, second, found)
    figure.draw_without_rendering()
    pictures = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title(loc="left") for axes in pictures[:2]] == ["a", "b"]
    np.testing.assert_allclose(pictures[2].images[0].get_array(), found.sigmas)
    profile = next(axes for axes in figure.axes if axes.get_ylabel().startswith("mean"))
    np.testing.assert_allclose(profile.lines[1].get_ydata(), found.profiles[1])
    assert len(pictures) == 3 + 3
