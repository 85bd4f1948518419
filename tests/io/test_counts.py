from __future__ import annotations

import re

import numpy as np
import pytest
from cases import CASES, GOLDEN, INPUTS, images, option_line

from nbjax.cli.outputs import scaled_counts
from nbjax.io.counts import (
    Statistics,
    integer_scale,
    pgm_scale,
    statistics,
    to_pgm,
)
from nbjax.io.smv import read_smv

ADC_OFFSET = 40.0


def regions(case: str) -> tuple[np.ndarray, np.ndarray]:
    """Evaluated pixels and region of interest of a golden case's stored window."""
    shape = images(case)["c"].shape
    words = option_line(case)
    in_roi = np.ones(shape, bool)
    # the stored window of a cropped case is its region of interest
    if "-roi" in words and "crop_s0s1f0f1" not in images(case):
        f0, f1, s0, s1 = (int(word) for word in words[words.index("-roi") + 1 :][:4])
        in_roi = np.zeros(shape, bool)
        in_roi[s0 : s1 + 1, f0 : f1 + 1] = True
    evaluated = in_roi.copy()
    if "-mask" in words:
        evaluated &= read_smv(INPUTS / words[words.index("-mask") + 1]).pixels != 0
    return evaluated, in_roi


@pytest.mark.parametrize("case", CASES)
def test_integers_are_those_of_the_c_program(case: str) -> None:
    stored = images(case)
    evaluated, in_roi = regions(case)
    found = statistics(stored["c"], evaluated, in_roi)
    scale = integer_scale(found)
    pixels, _ = scaled_counts(stored["c"], scale, ADC_OFFSET, in_roi)
    grey = to_pgm(stored["c"], pgm_scale(found, scale), in_roi)
    assert (pixels.dtype, grey.dtype) == (np.uint16, np.uint8)
    np.testing.assert_array_equal(pixels, stored["c_int"])
    np.testing.assert_array_equal(grey, stored["c_pgm"])


@pytest.mark.parametrize("case", CASES)
def test_statistics_are_those_of_the_c_program(case: str) -> None:
    log = (GOLDEN / case / "log.txt").read_text()
    found = statistics(images(case)["c"], *regions(case))
    printed = f"mean= {found.mean:g} rms= {found.rms:g} rmsd= {found.rmsd:g}"
    assert printed in log
    assert float(re.findall(r"max_I = (\S+)", log)[0]) == pytest.approx(found.maximum, rel=1e-5)


def test_statistics_by_hand() -> None:
    image = np.array([[1.0, 2.0], [3.0, 50.0]], np.float32)
    evaluated = np.array([[True, True], [True, False]])
    found = statistics(image, evaluated, np.ones((2, 2), bool))
    assert found.maximum == 3.0
    assert found.mean == 2.0
    assert found.rms == pytest.approx(np.sqrt((1 + 4 + 9) / 2))
    assert found.rmsd == pytest.approx(np.sqrt((1 + 0 + 1 + 48**2) / 3))


def test_scales_without_light() -> None:
    dark = statistics(np.zeros((2, 2), np.float32), np.zeros((2, 2), bool), np.ones((2, 2), bool))
    assert dark == Statistics(0.0, 0.0, 0.0, 0.0)
    assert integer_scale(dark) == 1.0
    assert pgm_scale(dark, 7.0) == 7.0


def test_rounding_clipping_and_region() -> None:
    image = np.array([[0.49, 0.5, 1.5, -3.0, 1e9, 5.0]], np.float32)
    in_roi = np.array([[True, True, True, True, True, False]])
    np.testing.assert_array_equal(scaled_counts(image, 1.0, 0.0, in_roi)[0], [[0, 1, 2, 0, 65535, 0]])
    np.testing.assert_array_equal(to_pgm(image * 10, 1.0, in_roi), [[4, 5, 15, 0, 255, 0]])


def test_rounding_is_that_of_32_bit_floats() -> None:
    # 40000.999 is nearer to 40001 than to the float32 below it
    image = np.ones((1, 1), np.float32)
    region = np.ones((1, 1), bool)
    assert scaled_counts(image, 40000.499, 0.0, region)[0][0, 0] == 40001
    assert np.floor(40000.499 + 0.5) == 40000


def test_integers_that_were_cut_are_counted() -> None:
    image, in_roi = np.array([[0.0, 65494.0, 65496.0, 1e30]]), np.array([[True, True, True, True]])
    pixels, cut = scaled_counts(image, 1.0, ADC_OFFSET, in_roi)
    assert (pixels.tolist(), cut) == ([[40, 65534, 65535, 65535]], 2)
    assert scaled_counts(image, 1.0, ADC_OFFSET, ~in_roi)[1] == 0
