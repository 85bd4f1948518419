"""Detectors by name, against what their makers say."""

from __future__ import annotations

import numpy as np
import pytest

from nbjax.errors import ArgumentError
from nbjax.io.detectors import detector_by_name


@pytest.mark.parametrize("name", ["Eiger2 16M", "eiger2_16m", "Eiger2-16M", " EIGER2 16 m"])
def test_names_are_taken_in_any_spelling(name: str) -> None:
    found = detector_by_name(name)
    assert (found.name, found.pixels) == ("Eiger2 16M", (4148, 4362))
    assert found.pixel_mm == pytest.approx((0.075, 0.075))
    assert (found.material, found.thickness_mm) == ("Si", pytest.approx(0.45))


def test_gaps_between_modules() -> None:
    found = detector_by_name("Pilatus 300K")
    assert found.pixels == (487, 619)
    assert found.bad is not None
    # three modules of 195 rows, with 17 between
    rows = np.zeros(619, bool)
    rows[195:212] = rows[407:424] = True
    np.testing.assert_array_equal(found.bad, np.repeat(rows[:, None], 487, axis=1))
    # sold with three thicknesses
    assert (found.material, found.thickness_mm) == ("Si", None)
    assert detector_by_name("Rayonix MX225").bad is None
    assert detector_by_name("Pilatus CdTe 1M").material == "CdTe"


def test_a_detector_that_is_binned() -> None:
    usual = detector_by_name("Rayonix MX340-HS")
    binned = detector_by_name("Rayonix MX340-HS", {"pixel1": 177.0833e-6, "pixel2": 177.0833e-6})
    assert (usual.pixels, binned.pixels) == ((3840, 3840), (1920, 1920))
    assert binned.pixel_mm == pytest.approx((0.1770833, 0.1770833))
    with pytest.raises(ArgumentError, match="the detector Rayonix MX340HS has no pixels of 200 x 200 um"):
        detector_by_name("Rayonix MX340-HS", {"pixel1": 200e-6, "pixel2": 200e-6})


def test_unknown_names_and_other_pixels() -> None:
    with pytest.raises(ArgumentError, match="no detector has the name 'Eigr2 16M'; the nearest are Eiger2 16M, "):
        detector_by_name("Eigr2 16M")
    with pytest.raises(ArgumentError, match=r"the nearest are .*, .*, "):
        detector_by_name("")
    with pytest.raises(ArgumentError, match="the detector Jungfrau 500k is no flat grid of equal pixels"):
        detector_by_name("Jungfrau 500k")
    with pytest.raises(ArgumentError, match="the settings of the detector Rayonix MX225 cannot be used"):
        detector_by_name("Rayonix MX225", {"pixel1": "x", "pixel2": 1})
