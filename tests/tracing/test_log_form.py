"""Logs of earlier ports, in the forms in which they print."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nbjax.errors import FileError
from nbjax.tracing.document import PixelTrace
from nbjax.tracing.files import parse_trace
from nbjax.tracing.keys import COMPONENTS, PIXEL

FULL = """
nanoBragg: reading parameters
TRACE_C:detector_convention=MOSFLM
TRACE_C:angles_rad=rotx:0.1 roty:0 rotz:-0.2 twotheta:3e-2
TRACE_C:R_total=[1 0 0; 0 1 -0; 0 0 1]
TRACE_C:fdet_after_twotheta=0 0 1
TRACE_C:pix0_vector=0.1 0.0258 -0.0258
TRACE: a_star = [0.01, 0, 0]
TRACE_CONFIG: tracing pixel (spixel=120, fpixel=121)
TRACE_C: pix0_vector_meters 0.1 0.0258 -0.02580000001
TRACE_C: pixel_pos_meters 0.1 -0.0224 0.0224
TRACE_C: R_distance_meters 0.104897664416325
TRACE_C: omega_pixel_sr 1.38618925119891e-05
TRACE_C: close_distance_meters 0.1
TRACE_C: obliquity_factor 0.953310071834516
TRACE_C: diffracted_vec 0.953310071834516 -0.213541456090931 0.213541456090931
TRACE_C: incident_vec 1 0 -0
TRACE_C: lambda_meters 6.2e-10
TRACE_C: lambda_angstroms 6.2
TRACE_C: scattering_vec_A_inv -75306335.7507812 -344421703.37247 344421703.37247
TRACE_C: rot_a_angstroms 100 0 0
TRACE_C: hkl_frac -0.753063357507812 -3.4442170337247 3.4442170337247
TRACE_C: hkl_rounded -1 -3 3
TRACE_C: F_latt_a -0.960025387054958
TRACE_C: F_latt_b 0.650002888698729
TRACE_C: F_latt_c 0.650002888698729
TRACE_C: F_latt -0.405614331230081
TRACE_C: F_cell 100
TRACE_C: I_before_scaling 1645.22985699226
TRACE_C: r_e_meters 2.81794117756025e-15
TRACE_C: r_e_sqr 7.94079248018965e-30
TRACE_C: fluence_photons_per_m2 1.25932015286227e+29
TRACE_C: steps 1
TRACE_C: oversample_thick 0
TRACE_C: oversample_polar 0
TRACE_C: oversample_omega 0
TRACE_C: capture_fraction 1
TRACE_C: polar 0.954403
TRACE_C: omega_pixel 1.38618925119891e-05
TRACE_C: cos_2theta 0.953310071834516
TRACE_C: I_pixel_final 0.0217660469220755
TRACE_C: floatimage_accumulated 0.0217660460621119
wrote image
"""


def read(text: str) -> PixelTrace:
    (pixel,) = parse_trace(text.encode(), "log").pixels
    return pixel


def test_a_full_log() -> None:
    pixel = read(FULL)
    assert (pixel.slow, pixel.fast, pixel.samples) == (120, 121, None)
    v = pixel.values
    assert np.array_equal(v["pix0_vector_m"], [0.1, 0.0258, -0.02580000001])
    assert np.array_equal(v["fdet_vector"], [0, 0, 1])
    assert v["airpath_m"] == 0.104897664416325
    assert v["omega_pixel_sr"] == 1.38618925119891e-05
    assert v["wavelength_m"] == 6.2e-10
    assert np.array_equal(v["last_hkl0"], [-1, -3, 3])
    assert np.array_equal(v["last_F_latt_axes"], [-0.960025387054958, 0.650002888698729, 0.650002888698729])
    assert v["last_F_latt"] == -0.405614331230081
    assert v["last_F_cell"] == 100
    assert v["r_e_sqr_m2"] == 7.94079248018965e-30
    assert v["I_pixel_photons"] == 0.0217660469220755
    assert v["polarization"] == 0.954403
    wanted = set(PIXEL) - {
        "panel",
        *("sdet_vector", "odet_vector", "beam_vector", "distance_m", "source_weights", "I_background"),
        *("a0_m", "b0_m", "c0_m", "last_debye_waller", "mosaic_blocks", "beam_share", "I_backgrounds", "transmission"),
    }
    assert wanted <= set(v)


def test_what_has_no_meaning_here_keeps_its_name() -> None:
    values = read(FULL).values
    assert np.array_equal(values["angles_rad"], [0.1, 0, -0.2, 0.03])
    assert np.array_equal(values["R_total"], [1, 0, 0, 0, 1, -0.0, 0, 0, 1])
    assert values["floatimage_accumulated"] == 0.0217660460621119
    assert "detector_convention" not in values


def test_the_preferred_spelling_of_several_counts_and_the_others_stay() -> None:
    values = read(FULL).values
    assert np.array_equal(values["pix0_vector"], [0.1, 0.0258, -0.0258])
    assert values["lambda_angstroms"] == 6.2
    assert values["omega_pixel"] == values["omega_pixel_sr"]


@pytest.mark.parametrize(
    "line",
    [
        "TRACE_C: pixel_pos_meters 0.1 -0.0224 0.0224",
        "TRACE_PY: pixel_pos_meters 0.1 -0.0224 0.0224",
        "  TRACE_PY: pixel_pos_meters = [0.1, -0.0224, 0.0224]",
        "TRACE_C: pixel_pos: [1e-1, -2.24e-2, 2.24e-2] m",
        "TRACE_C: pixel_pos=(0.1, -0.0224, 0.0224)",
        "TRACE_C:pixel_pos_meters=0.1 -0.0224 0.0224",
        "TRACE_PY:   pixel_pos_meters = [0.1, -0.0224, 0.0224] |pos| = 0.104",
    ],
)
def test_forms_of_a_vector(line: str) -> None:
    assert np.array_equal(read(line + "\n").values["last_pixel_pos_m"], [0.1, -0.0224, 0.0224])


@pytest.mark.parametrize(
    ("line", "key", "value"),
    [
        ("TRACE_C: close_distance: 1.0e-01 m", "close_distance_m", 0.1),
        ("TRACE_C: omega_pixel=4e-6", "omega_pixel_sr", 4e-6),
        ("TRACE_C: omega_pixel: 4e-6 sr", "omega_pixel_sr", 4e-6),
        ("TRACE_C: distance: 0.1 m (from pivot)", "distance_m", 0.1),
        ("TRACE_C: airpath=0.2", "airpath_m", 0.2),
        ("TRACE_C: I_bg=7", "I_background", 7.0),
        ("TRACE_C: final_pixel_value: 3.5", "I_pixel_photons", 3.5),
        ("TRACE_C: polarization_factor: 0.9", "polarization", 0.9),
        ("TRACE_C: fluence: 1e29", "fluence_photons_per_m2", 1e29),
        ("TRACE_PY: lambda_angstroms = 6.2", "wavelength_m", 6.2e-10),
        ("TRACE_PY: I_before_scaling_pre_polar 12", "I_before_scaling", 12.0),
        ("TRACE_PY: F_cell_nearest 12", "last_F_cell", 12.0),
        ("TRACE_PY: F_latt_a = sincg(π·0.3, 5) = -0.96", "F_latt_a", -0.96),
        ("TRACE_PY: V_star = 1e-06 Å^-3", "V_star", 1e-6),
        ("TRACE_PY_SOURCE 1: polar 0.5", "SOURCE1.polar", 0.5),
        ("TRACE_C_SOURCE2: F_cell=205.39", "SOURCE2.F_cell", 205.39),
        ("TRACE_PY_TRICUBIC: [0,1,2]=17.5", "TRICUBIC.[0,1,2]", 17.5),
    ],
)
def test_forms_of_a_number(line: str, key: str, value: float) -> None:
    assert read(line + "\n").values == {key: value}


@pytest.mark.parametrize("name", sorted({alias for key in PIXEL.values() for alias in key.aliases}))
def test_every_spelling_is_translated(name: str) -> None:
    key = next(key for key in PIXEL.values() if name in key.aliases)
    value = read(f"TRACE_C: {name} {' '.join(['3'] * (key.size or 1))}\n").values[key.name]
    assert np.allclose(value, 3 * key.aliases[name], rtol=1e-15)


@pytest.mark.parametrize(
    ("lines", "key", "value"),
    [
        ("h_float: 1.5|k_float: 2|l_float: -3", "last_hkl", [1.5, 2, -3]),
        ("h_frac 1.5|k_frac 2|l_frac -3", "last_hkl", [1.5, 2, -3]),
        ("h_int: 1|k_int: 2|l_int: -3", "last_hkl0", [1, 2, -3]),
        ("F_latt_a 4|F_latt_b 5|F_latt_c 6", "last_F_latt_axes", [4, 5, 6]),
    ],
)
def test_components_printed_one_by_one(lines: str, key: str, value: list[float]) -> None:
    values = read("".join(f"TRACE_C: {line}\n" for line in lines.split("|"))).values
    assert list(values) == [key]
    assert np.array_equal(values[key], value)


def test_an_incomplete_vector_keeps_its_components() -> None:
    assert read("TRACE_C: h_float 1\nTRACE_C: k_float 2\n").values == {"h_float": 1.0, "k_float": 2.0}


@pytest.mark.parametrize(("shown", "factor"), [((-0.0075, -0.034, 0.034), 1e10), ((-7.5e7, -3.4e8, 3.4e8), 1.0)])
def test_a_scattering_vector_is_read_in_the_unit_that_its_length_shows(shown: tuple[float, ...], factor: float) -> None:
    text = "TRACE_PY: scattering_vec_A_inv {} {} {}\n".format(*shown)
    assert np.allclose(read(text).values["last_scattering_per_m"], np.multiply(shown, factor), rtol=1e-15)


@pytest.mark.parametrize(
    "line",
    [
        "TRACE_CONFIG: tracing pixel (spixel=3, fpixel=4)",
        "TRACE_C: pixel=(3,4)",
        "TRACE_C: pixel 3 4",
        "TRACE_C: === PIXEL (4, 3) TRACE START ===",
    ],
)
def test_forms_of_the_pixel(line: str) -> None:
    pixel = read(f"{line}\nTRACE_C: steps 1\n")
    assert (pixel.slow, pixel.fast, pixel.values) == (3, 4, {"steps": 1.0})


def test_a_log_of_two_pixels() -> None:
    text = "TRACE_C: distance 0.1\nTRACE_C: pixel=(3,4)\nTRACE_C: F_cell 1\nTRACE_C: pixel=(5,6)\nTRACE_C: F_cell 2\n"
    pixels = parse_trace(text.encode(), "log").pixels
    assert [(pixel.slow, pixel.fast) for pixel in pixels] == [(3, 4), (5, 6)]
    assert [pixel.values for pixel in pixels] == [{"distance_m": 0.1, "last_F_cell": x} for x in (1.0, 2.0)]


def test_what_is_printed_for_each_sample_becomes_a_column() -> None:
    sample = "TRACE_C: hkl_frac {0} 2 3\nTRACE_C: F_latt_b {0}\nTRACE_C: F_cell 100\nTRACE_C: rot_a_angstroms {0} 0 1\n"
    pixel = read(
        "TRACE_C: omega_pixel_sr 4e-6\n" + "".join(sample.format(i / 4) for i in range(3)) + "TRACE_C: steps 3\n"
    )
    samples = pixel.samples
    assert samples is not None
    assert {name: column.tolist() for name, column in samples.items()} == {
        **{"h": [0, 0.25, 0.5], "k": [2, 2, 2], "l": [3, 3, 3], "F_latt_b": [0, 0.25, 0.5], "F_cell": [100] * 3},
        **{"rot_a_angstroms_0": [0, 0.25, 0.5], "rot_a_angstroms_1": [0, 0, 0], "rot_a_angstroms_2": [1, 1, 1]},
    }
    assert np.array_equal(pixel.values["last_hkl"], [0.5, 2, 3])
    assert pixel.values["omega_pixel_sr"] == 4e-6


def test_rows_of_named_numbers_are_samples() -> None:
    text = "".join(
        f"TRACE_PY_PHI phi_tic={i} phi_deg={i / 100} k_frac={-0.6 + i} F_latt_b=1.05 F_latt=2e4 S_x=-0.1\n"
        f"TRACE_PY_ROTSTAR phi_tic={i} ap_y={i * 2}\n"
        for i in range(3)
    )
    pixel = read(text + "TRACE_PY: steps 3\n")
    samples = pixel.samples
    assert samples is not None
    assert set(samples) == {"phi", "k", "F_latt_b", "F_latt", "phi_deg", "S_x", "ap_y"}
    assert samples["phi"].tolist() == [0, 1, 2]
    assert samples["k"].tolist() == [-0.6, 0.4, 1.4]
    assert samples["ap_y"].tolist() == [0, 2, 4]


def test_a_key_printed_twice_with_one_value_counts_once() -> None:
    assert read("TRACE_C: steps 3\nTRACE_C: F_cell 5\n" * 2).values == {"steps": 3.0, "last_F_cell": 5.0}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("TRACE_C: steps 3\nTRACE_C: steps 4\n", "has the duplicated key steps with different values"),
        ("TRACE_C: own 3\nTRACE_C: own 4\n", "has the duplicated key own with different values"),
        ("TRACE_C: own 3\nTRACE_C: own 3 4\n", "has the duplicated key own with different numbers of components"),
        (
            "TRACE_C: F_cell 1\nTRACE_C: F_cell 2\nTRACE_C: F_latt 1\nTRACE_C: F_latt 2\nTRACE_C: F_latt 3\n",
            "has the duplicated key F_(cell|latt) with different values; trace one sample or every sample",
        ),
        ("TRACE_C: F_cell nan\n", "last_F_cell holds nan; give finite numbers"),
        ("TRACE_C: F_cell -inf\n", "last_F_cell holds -inf"),
        ("TRACE_C: F_cell hundred\n", "has 'hundred' for F_cell; give finite numbers"),
        ("TRACE_C: F_cell\n", "has '' for F_cell"),
        ("TRACE_C: F_cell 1 2\n", "last_F_cell has 2 numbers; it takes one number"),
        ("TRACE_C: hkl_frac 1 2\n", "last_hkl has 2 numbers; it takes 3 numbers"),
        ("TRACE_C: hkl_rounded 1 2 2.5\n", "last_hkl0 holds 2.5; give whole numbers"),
        ("TRACE_C: F_cell 1\nTRACE_C: F_latt 1", "ends in the middle of a line"),
        ("TRACE_C: F_cell 1\nTRACE_PY: F_cell 1\n", "has TRACE_C and TRACE_PY lines"),
        ("TRACE_C: nothing to see\n", "has TRACE lines, but none with a number"),
        (
            "TRACE_C_PHI phi_tic=0 k_frac=1\nTRACE_C_PHI phi_tic=1 l_frac=1\n",
            "rows of named numbers with different names",
        ),
        (
            "TRACE_C_PHI phi_tic=0 k=1\nTRACE_C_PHI phi_tic=1 k=1\nTRACE_C_ROT phi_tic=0 x=1\n",
            r"has tables of \[1, 2\] samples",
        ),
        ("TRACE_C_PHI phi_tic=0 k_frac=nan\n", "samples: k holds nan"),
    ],
)
def test_faulty_logs(text: str, message: str) -> None:
    with pytest.raises(FileError, match=f"^log: .*{message}"):
        parse_trace(text.encode(), "log")


def test_a_text_without_trace_lines_is_no_log() -> None:
    for text in ("TRACE: a_star = 1\n", "TRACE_CONFIG: x\n", "see TRACE_C: steps 1\n", "TRACE_PYTHON: steps 1\n"):
        with pytest.raises(FileError, match="is no trace"):
            parse_trace(text.encode(), "log")


def test_components_have_a_place() -> None:
    lines: dict[str, Any] = {name: 1.5 if "int" not in name else 2 for name in COMPONENTS}
    for name, value in lines.items():
        text = f"TRACE_C: {name} {value}\nTRACE_C: {name} {value + 1}\n"
        samples = read(text).samples
        assert samples is not None
        assert [column.tolist() for column in samples.values()] == [[value, value + 1]]
