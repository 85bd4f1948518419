"""The one rule for pixels without a value, and what is subtracted, left out and scaled."""

from __future__ import annotations

import numpy as np
import pytest

from nbjax.io.images import Recorded, other_size


@pytest.mark.parametrize(
    ("kind", "marks"),
    [
        ("u1", [255]),
        ("u2", [65535]),
        (">u2", [65535]),
        ("u4", [2**32 - 1]),
        ("u8", [2**64 - 1]),
        ("i1", [-1, -2, 127]),
        ("i2", [-1, -2, 32767]),
        ("i4", [-1, -2, 2**31 - 1]),
        ("i8", [-1, -2, 2**63 - 1]),
        ("f2", [np.nan, np.inf]),
        ("f4", [np.nan, -np.inf]),
        (">f8", [np.nan, np.inf]),
    ],
)
def test_one_rule_marks_bad_pixels_of_every_type(kind: str, marks: list[float]) -> None:
    dtype = np.dtype(kind)
    largest = np.finfo(dtype).max if dtype.kind == "f" else np.iinfo(dtype).max - 1
    good = [0, 1, largest] + ([-3] if dtype.kind == "i" else []) + ([-1, -2] if dtype.kind == "f" else [])
    image = Recorded(
        np.array([[*good, *marks]]).astype(dtype) if dtype.kind == "f" else np.array([[*good, *marks]], kind), "a"
    )
    assert image.bad.tolist() == [[False] * len(good) + [True] * len(marks)]
    assert image.counts[0, : len(good)].tolist() == [float(number) for number in good]
    assert np.isnan(image.counts[image.bad]).all()
    assert image.counts.dtype == np.float64


def test_the_files_own_mask_and_least_value_are_bad_too() -> None:
    image = Recorded(np.array([[-7, 3, 4]], "i4"), "a", underload_counts=0.0, masked=np.array([[False, False, True]]))
    assert image.bad.tolist() == [[True, False, True]]


def test_photons_are_counts_less_the_pedestal_times_the_gain_without_overloads() -> None:
    image = Recorded(
        np.array([[40, 50, 100, 101, 65535]], "u2"),
        "a",
        pedestal_counts=40.0,
        saturation_counts=101.0,
        photons_per_count=0.5,
    )
    np.testing.assert_array_equal(image.photons(), [[0.0, 5.0, 30.0, np.nan, np.nan]])
    np.testing.assert_array_equal(image.photons(0.0, 100.0, 1.0), [[40.0, 50.0, np.nan, np.nan, np.nan]])
    assert image.overloaded().tolist() == [[False, False, False, True, False]]


@pytest.mark.parametrize(
    ("stored", "marks_bad", "usable"),
    [
        (np.array([[0, 1, 255]], "u1"), False, [False, True, True]),
        (np.array([[0, 1, 255]], "u1"), True, [True, False, False]),
        (np.array([[0, 5, -1, -2]], "i4"), False, [False, True, False, False]),
        (np.array([[0.0, 1.0, np.nan]]), False, [False, True, False]),
        (np.array([[False, True]]), False, [False, True]),
        (np.array([[0, 1 << 30]], "u4"), True, [True, False]),
    ],
)
def test_a_mask_says_where_pixels_are_used(stored: np.ndarray, marks_bad: bool, usable: list[bool]) -> None:
    assert Recorded(stored, "a", marks_bad=marks_bad).usable().tolist() == [usable]


def test_exchanged_axes_are_said() -> None:
    assert other_size((3, 4), (5, 4)) == "has 3 x 4 pixels (slow x fast), the model has 5 x 4"
    assert other_size((3, 4), (4, 3), "the image").endswith("the image has 4 x 3; its axes are exchanged")


def test_counts_that_were_cut_show_their_limit() -> None:
    places = np.arange(40_000) % 400
    expected = 5.0 + 3000.0 * np.exp(-(((places - 200) / 30.0) ** 2))
    counts = np.random.default_rng(2).poisson(expected).reshape(200, 200)
    for kind in ("u2", "i4", "f4"):
        assert Recorded(np.minimum(counts, 1000).astype(kind), "a").ceiling_counts == 1000
        assert Recorded(counts.astype(kind), "a").ceiling_counts is None
    assert Recorded(np.minimum(expected, 123.4).reshape(200, 200), "a").ceiling_counts is None
    assert Recorded(np.minimum(counts, 5), "a").ceiling_counts is None


def test_flat_counts_show_no_limit() -> None:
    draw = np.random.default_rng(3)
    for mean in (0.01, 3.0, 30.0, 300.0, 3000.0):
        assert Recorded(draw.poisson(mean, (500, 500)).astype("i4"), "a").ceiling_counts is None
    assert Recorded(np.full((0, 4), 7, "u2"), "a").ceiling_counts is None
