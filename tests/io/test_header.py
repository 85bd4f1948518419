from __future__ import annotations

import math

import pytest
from cases import CASES, GOLDEN

from nbjax.io.header import HeaderFields, smv_header

FIELDS = HeaderFields(
    pixel_size_m=0.2e-3,
    distance_m=0.1,
    wavelength_m=0.9e-10,
    beam_x_m=11e-3,
    beam_y_m=14e-3,
    fbeam_m=14.1e-3,
    sbeam_m=11.1e-3,
    size_slow_m=25.6e-3,
    dials_origin_mm=(-14.1, 11.1, -100.0),
    org_x_px=71.0,
    org_y_px=56.0,
    close_distance_m=0.0984808,
    phi_start_rad=math.radians(30),
    phi_range_rad=math.radians(1e-5),
    two_theta_rad=math.radians(10),
)


@pytest.mark.parametrize("case", CASES)
def test_keys_come_in_the_order_of_the_c_program(case: str) -> None:
    lines = (GOLDEN / case / "smv_header.txt").read_text().splitlines()
    wanted = [line.split("=")[0] for line in lines if "=" in line]
    assert [key for key, _ in smv_header(FIELDS)] == wanted[6:]


def test_lengths_are_millimetres_angles_degrees_and_six_digits() -> None:
    assert dict(smv_header(FIELDS)) == {
        "PIXEL_SIZE": "0.2",
        "DISTANCE": "100",
        "WAVELENGTH": "0.9",
        "BEAM_CENTER_X": "11",
        "BEAM_CENTER_Y": "14",
        "ADXV_CENTER_X": "14.1",
        "ADXV_CENTER_Y": "14.5",
        "MOSFLM_CENTER_X": "11",
        "MOSFLM_CENTER_Y": "14",
        "DENZO_X_BEAM": "11.1",
        "DENZO_Y_BEAM": "14.1",
        "DIALS_ORIGIN": "-14.1,11.1,-100",
        "XDS_ORGX": "71",
        "XDS_ORGY": "56",
        "CLOSE_DISTANCE": "98.4808",
        "PHI": "30",
        "OSC_START": "30",
        "OSC_RANGE": "1e-05",
        "TWOTHETA": "10",
        "DETECTOR_SN": "000",
        "BEAMLINE": "fake",
    }
