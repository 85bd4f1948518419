"""Every option in every spelling, with the keys that it must set spelled out here."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import pytest

from nbjax.cli.nanobragg import read_options
from nbjax.cli.options import BY_NAME, OPTIONS, REFUSED, help_text
from nbjax.config.tree import Config
from nbjax.quantities import QUANTITIES

CUSTOM = {"detector.convention": "custom", "detector.pivot": "beam"}

NUMBERS: dict[str, str] = {
    "-default_F": "crystal.default_F",
    "-samplesize -sample_size -xtalsize -xtal_size": "crystal.size_a_mm crystal.size_b_mm crystal.size_c_mm",
    "-sample_x -sample_thick -xtal_x -xtal_thick": "crystal.size_a_mm",
    "-sample_y -sample_width -xtal_y -xtal_width -width": "crystal.size_b_mm",
    "-sample_z -sample_height -sample_heigh -xtal_z -xtal_height -xtal_heigh -height -heigh": "crystal.size_c_mm",
    "-fudge": "crystal.fudge",
    "-mosaic -mosaici -mosaicity -mosaic_spr -mosaic_spread": "crystal.mosaic_spread_deg",
    "-phi": "crystal.phi_start_deg",
    "-osc": "crystal.phi_range_deg",
    "-phistep": "sampling.phi_step_deg",
    "-water": "crystal.water_um",
    "-lambda -wave -wavelength": "beam.wavelength_A",
    "-energy": "beam.energy_eV",
    "-fluence": "beam.fluence_photons_per_m2",
    "-flux": "beam.flux_photons_per_s",
    "-exposure": "beam.exposure_s",
    "-beamsize": "beam.beamsize_mm",
    "-divergence": "beam.divergence_horizontal_mrad beam.divergence_vertical_mrad",
    "-hdivrange": "beam.divergence_horizontal_mrad",
    "-vdivrange": "beam.divergence_vertical_mrad",
    "-hdivstep": "sampling.divergence_horizontal_step_mrad",
    "-vdivstep": "sampling.divergence_vertical_step_mrad",
    "-dispersion": "beam.dispersion_percent",
    "-polar": "beam.polarization",
    "-distance": "detector.distance_mm",
    "-close_distance": "detector.close_distance_mm",
    "-pixel": "detector.pixel_mm",
    "-detsize": "detector.size_fast_mm detector.size_slow_mm",
    "-detsize_f -detsize_x": "detector.size_fast_mm",
    "-detsize_s -detsize_y": "detector.size_slow_mm",
    "-Xbeam": "detector.beam_x_mm",
    "-Ybeam": "detector.beam_y_mm",
    "-Xclose": "detector.close_x_mm",
    "-Yclose": "detector.close_y_mm",
    "-ORGX": "detector.org_x_px",
    "-ORGY": "detector.org_y_px",
    "-detector_rotx": "detector.rotation_x_deg",
    "-detector_roty": "detector.rotation_y_deg",
    "-detector_rotz": "detector.rotation_z_deg",
    "-twotheta": "detector.two_theta_deg",
    "-detector_abs -detector_absorb -detector_absorption": "detector.attenuation_depth_um",
    "-detector_thick": "detector.thickness_um",
    "-dmin": "sampling.resolution_limit_A",
    "-scale": "output.integer_scale",
    "-adc -adcoffset -adc_offset": "output.adc_offset",
    "-pgmscale": "output.pgm_scale",
}
INTEGERS: dict[str, str] = {
    "-mosaic_dom -mosaic_domains": "sampling.mosaic_domains",
    "-phisteps": "sampling.phi_steps",
    "-hdivsteps": "sampling.divergence_horizontal_steps",
    "-vdivsteps": "sampling.divergence_vertical_steps",
    "-divsteps": "sampling.divergence_horizontal_steps sampling.divergence_vertical_steps",
    "-dispsteps": "sampling.dispersion_steps",
    "-detpixels": "detector.pixels_fast detector.pixels_slow",
    "-detpixels_f -detpixels_x": "detector.pixels_fast",
    "-detpixels_s -detpixels_y": "detector.pixels_slow",
    "-detector_thicksteps -thicksteps": "sampling.thickness_layers",
    "-oversample": "sampling.oversample",
    "-tile": "sampling.tile_pixels",
    "-seed": "output.seed",
    "-mosaic_seed": "crystal.mosaic_seed",
    "-misset_seed": "crystal.misset_seed",
}
FILES: dict[str, str] = {
    "-mat -matrix": "crystal.matrix_file",
    "-hkl": "crystal.hkl_file",
    "-dump": "crystal.dump_file",
    "-sourcefile": "beam.source_file",
    "-img": "detector.header_file",
    "-mask": "detector.mask_file",
    "-floatfile -floatimage": "output.float_file",
    "-intfile -intimage": "output.integer_file",
    "-pgmfile -pgmimage": "output.pgm_file",
    "-noisefile -noiseimage": "output.noise_file",
    "-pngfile": "output.png_file",
}
VECTORS: dict[str, str] = {
    "-fdet_vector -xdet_vector": "detector.fast_axis",
    "-sdet_vector -ydet_vector": "detector.slow_axis",
    "-odet_vector -zdet_vector": "detector.normal_axis",
    "-beam_vector": "beam.direction",
    "-polar_vector": "beam.polarization_axis",
    "-spindle_axis": "crystal.spindle_axis",
    "-twotheta_axis": "detector.two_theta_axis",
}
LINES: dict[str, dict[str, Any]] = {
    "-cell 50 60 70 80 95 100": {"crystal.cell_A": (50.0, 60.0, 70.0), "crystal.cell_deg": (80.0, 95.0, 100.0)},
    "-cell 50": {"crystal.cell_A": (50.0, 50.0, 50.0), "crystal.cell_deg": (90.0, 90.0, 90.0)},
    "-cell 50 60": {"crystal.cell_A": (50.0, 60.0, 50.0), "crystal.cell_deg": (90.0, 90.0, 90.0)},
    "-cell 50 60 70 80": {"crystal.cell_A": (50.0, 60.0, 70.0), "crystal.cell_deg": (80.0, 90.0, 90.0)},
    "-misset 10 -20 30.5": {"crystal.misset_deg": (10.0, -20.0, 30.5)},
    "-misset random": {"crystal.misset_random": True},
    "-misset rand": {"crystal.misset_random": True},
    "-N 5": {"crystal.cells": (5, 5, 5)},
    "-Na 5": {"crystal.cells": (5, 1, 1)},
    "-Nb 5": {"crystal.cells": (1, 5, 1)},
    "-Nc 5": {"crystal.cells": (1, 1, 5)},
    "-round_xtal": {"crystal.shape": "round"},
    "-round_xtal -square_xtal": {"crystal.shape": "square"},
    "-gauss_xtal": {"crystal.shape": "gauss"},
    "-tophat_spots": {"crystal.shape": "tophat"},
    "-binary_spots": {"crystal.shape": "tophat"},
    "-interpolate": {"crystal.interpolate": True},
    "-nointerpolate": {"crystal.interpolate": False},
    "-square_div": {"beam.divergence_shape": "square"},
    "-square_div -round_div": {"beam.divergence_shape": "round"},
    "-nopolar": {"beam.polarization_correction": False},
    "-xds": {"detector.convention": "xds"},
    "-adxv": {"detector.convention": "adxv"},
    "-denzo": {"detector.convention": "denzo"},
    "-dials": {"detector.convention": "dials"},
    "-xds -mosflm": {},
    "-pix0_vector 1 2 3": CUSTOM,
    "-pix0_vector_mm 1 2 3": CUSTOM,
    "-pix0_vector 1 2 3 -pivot sample": {**CUSTOM, "detector.pivot": "sample"},
    "-curved_det": {"detector.curved": True},
    "-point_pixel": {"detector.point_pixel": True},
    "-detector_thick 300 -detector_abs inf": {},
    "-roi 1 20 3 40": {"detector.roi": (1, 20, 3, 40)},
    "-oversample_thick": {"sampling.oversample_thickness": True},
    "-oversample_polar": {"sampling.oversample_polarization": True},
    "-oversample_omega": {"sampling.oversample_solid_angle": True},
    "-precision mixed": {"precision": "mixed"},
    "-precision mixed -precision double": {},
    "-parity phi_carryover": {"parity": ("phi_carryover",)},
    "-noisefile a -nonoise": {},
    "-pgmfile a -nopgm": {},
}
REQUESTS: dict[str, dict[str, Any]] = {
    "-trace_pixel 3 4 -trace_pixel 5 6 -trace_file t.json -trace_samples": {
        "trace_pixels": ((3, 4), (5, 6)),
        "trace_file": "t.json",
        "trace_samples": True,
    },
    "-config_out a.toml": {"config_out": "a.toml"},
    "-printout": {"printout": True},
    "-printout_pixel 3 4": {"printout": True, "printout_pixel": (3, 4)},
    "-pngfile a.png -annotate": {"annotate": True},
    "-pngfile a.png --annotate": {"annotate": True},
    "-noprogress": {"progress": False},
    "-noprogress -progress": {},
}

USAGE_OF_THE_C_PROGRAM = """
-mat -hkl -misset -cell -default_F -distance -detsize -detsize_f -detsize_s -detpixels -detpixels_x -detpixels_y -pixel
-img -mask -detector_absorb -detector_thick -detector_thicksteps -Xbeam -Ybeam -mosflm -denzo -xds -ORGX -ORGY -twotheta
-N -Na -Nb -Nc -xtalsize -square_xtal -round_xtal -gauss_xtal -tophat_spots -oversample -oversample_thick
-oversample_polar -oversample_omega -lambda -energy -mosaic -mosaic_domains -dispersion -dispsteps -hdivrange -vdivrange
-hdivstep -vdivstep -square_div -phi -osc -phisteps -water -floatfile -intfile -scale -adc -polar -noisefile -pgmfile
-pgmscale -nopgm -roi -printout -seed -mosaic_seed -misset_seed -fluence -flux -beamsize -exposure -nonoise -noprogress
-nopolar -nointerpolate -interpolate -point_pixel -curved_det -fdet_vector -sdet_vector -odet_vector -beam_vector
-polar_vector -spindle_axis -pix0_vector
"""
README_OF_THE_C_PROGRAM = """
-hkl -matrix -mat -cell -misset -Na -Nb -Nc -N -samplesize -sample_thick -sample_x -sample_width -sample_y
-sample_height -sample_z -img -distance -close_distance -detsize -detsize_x -detsize_y -pixel -detpixels -detpixels_x
-detpixels_y -Xbeam -Ybeam -Xclose -Yclose -ORGX -ORGY -detector_rotx -detector_roty -detector_rotz -twotheta -pivot
-xdet_vector -ydet_vector -zdet_vector -beam_vector -polar_vector -spindle_axis -twotheta_axis -pix0_vector -curved_det
-oversample -roi -mask -lambda -fluence -flux -exposure -beamsize -hdivrange -vdivrange -hdivstep -vdivstep -round_div
-square_div -dispersion -dispsteps -sourcefile -coherent -mosaic -mosaic_domains -phi -osc -phistep -phisteps -floatfile
-intfile -pgmfile -noisefile -nonoise -nopgm -scale -pgmscale -adcoffset -point_pixel -printout -noprogress
-nointerpolate -interpolate -round_xtal -square_xtal -binary_spots -seed -mosaic_seed -hdiv -vdiv
"""
SOURCE_OF_THE_C_PROGRAM = """
-img -mask -Na -Nb -Nc -N -cell -misset -samplesize -sample_size -sample_thick -sample_x -sample_width -sample_y -width
-sample_heigh -sample_z -heigh -xtalsize -xtal_size -xtal_thick -xtal_x -xtal_width -xtal_y -xtal_heigh -xtal_z -density
-sample_den -MW -molec -Xbeam -Ybeam -Xclose -Yclose -ORGX -ORGY -pivot -mosflm -xds -adxv -denzo -dials -fdet_vector
-sdet_vector -odet_vector -beam_vector -polar_vector -spindle_axis -twotheta_axis -pix0_vector -distance -close_distance
-source_dist -detector_abs -detector_thick -detector_thicksteps -thicksteps -twotheta -detector_rotx -detector_roty
-detector_rotz -detsize -detsize_f -detsize_s -detpixels -detpixels_f -detpixels_x -detpixels_s -detpixels_y -curved_det
-pixel -point_pixel -polar -nopolar -oversample_thick -oversample_polar -oversample_omega -oversample -roi -lambda -wave
-energy -fluence -flux -exposure -beamsize -mosaic -mosaici -mosaic_spr -mosaic_dom -dispersion -dispsteps -divergence
-hdivrange -vdivrange -hdivstep -hdivsteps -vdivstep -vdivsteps -divsteps -round_div -square_div -adc -phi -osc -phistep
-phisteps -dmin -mat -hkl -default_F -dump -stolout -stol -4stol -Q -sourcefile -floatfile -floatimage -intfile
-intimage -pgmfile -pgmimage -noisefile -noiseimage -nonoise -nopgm -scale -pgmscale -coherent -printout -noprogress
-progress -interpolate -nointerpolate -round_xtal -square_xtal -gauss_xtal -binary_spots -tophat_spots -fudge
-printout_pixel -seed -mosaic_seed -misset_seed -water
"""


def changed(config: Config) -> dict[str, Any]:
    """Key path -> value of everything that differs from the defaults."""
    found = {}
    for field in fields(Config):
        mine, default = getattr(config, field.name), getattr(Config(), field.name)
        if is_dataclass(default):
            for key in fields(default):
                if getattr(mine, key.name) != getattr(default, key.name):
                    found[f"{field.name}.{key.name}"] = getattr(mine, key.name)
        elif mine != default:
            found[field.name] = mine
    return found


def each(table: dict[str, str]) -> list[Any]:
    """(spelling, keys) of every row."""
    return [pytest.param(name, keys.split(), id=name) for names, keys in table.items() for name in names.split()]


BROUGHT = {"-osc": {"sampling.phi_steps": 2}}
"""What an option alone brings along, as in the C program."""


@pytest.mark.parametrize(("name", "keys"), each(NUMBERS))
def test_numbers(name: str, keys: list[str]) -> None:
    request = read_options([name, "12.5"])
    brought = BROUGHT.get(name, {})
    assert changed(request.config) == dict.fromkeys(keys, 12.5) | brought
    sources = dict.fromkeys([*keys, *(["beam.polarization_correction"] * (name == "-polar"))], name)
    assert request.sources == sources | dict.fromkeys(brought, f"{name} alone, as in the C program")


def test_a_rotation_takes_the_steps_that_are_given() -> None:
    assert read_options(["-osc", "1", "-phisteps", "9"]).config.sampling.phi_steps == 9
    assert read_options(["-phistep", "0.1", "-osc", "1"]).config.sampling.phi_steps is None


@pytest.mark.parametrize(("name", "keys"), each(NUMBERS))
@pytest.mark.parametrize("word", ["-3", "-.5", "+2", "1e-3", "1E3"])
def test_numbers_may_have_signs_and_exponents(name: str, keys: list[str], word: str) -> None:
    assert changed(read_options([name, word]).config) == dict.fromkeys(keys, float(word)) | BROUGHT.get(name, {})


@pytest.mark.parametrize(("name", "keys"), each(INTEGERS))
def test_integers(name: str, keys: list[str]) -> None:
    request = read_options([name, "12"])
    assert changed(request.config) == dict.fromkeys(keys, 12)
    assert all(type(value) is int for value in changed(request.config).values())
    assert request.sources == dict.fromkeys(keys, name)


@pytest.mark.parametrize(("name", "keys"), each(FILES))
def test_files(name: str, keys: list[str]) -> None:
    request = read_options([name, "some/file"])
    assert changed(request.config) == dict.fromkeys(keys, "some/file")
    assert request.sources == dict.fromkeys(keys, name)


@pytest.mark.parametrize(("name", "keys"), each(VECTORS))
def test_vectors_choose_the_custom_convention(name: str, keys: list[str]) -> None:
    assert changed(read_options([name, "0", "-1", "0.5"]).config) == {**dict.fromkeys(keys, (0.0, -1.0, 0.5)), **CUSTOM}


@pytest.mark.parametrize("line", LINES)
def test_lines(line: str) -> None:
    assert changed(read_options(line.split()).config) == LINES[line]


@pytest.mark.parametrize("line", REQUESTS)
def test_what_is_not_configuration(line: str) -> None:
    request, plain = read_options(line.split()), read_options([])
    names = (
        "config_out",
        "printout",
        "printout_pixel",
        "progress",
        "trace_pixels",
        "trace_file",
        "trace_samples",
        "annotate",
    )
    found = {name: getattr(request, name) for name in names if getattr(request, name) != getattr(plain, name)}
    assert found == REQUESTS[line]
    assert changed(request.config) == ({"output.png_file": "a.png"} if "-pngfile" in line else {})


def test_no_option_is_untested() -> None:
    tables = {name for table in (NUMBERS, INTEGERS, FILES, VECTORS) for names in table for name in names.split()}
    lines = {word for line in (*LINES, *REQUESTS) for word in line.split() if word.startswith("-")}
    assert set(BY_NAME) - tables - lines == set()


@pytest.mark.parametrize("page", [USAGE_OF_THE_C_PROGRAM, README_OF_THE_C_PROGRAM, SOURCE_OF_THE_C_PROGRAM])
def test_every_option_of_the_c_program_is_known_or_refused(page: str) -> None:
    assert [name for name in page.split() if name not in BY_NAME and name not in REFUSED] == []


def test_no_option_is_both_known_and_refused() -> None:
    assert set(BY_NAME) & set(REFUSED) == set()


def test_the_help_lists_every_option_with_a_line() -> None:
    lines = help_text().splitlines()
    assert set(BY_NAME) <= {word for line in lines for word in line.split()}
    for number, line in enumerate(lines):
        if line.startswith("  -"):
            assert lines[number + 1].startswith("      ")
            assert len(lines[number + 1].split()) > 1


UNIT_WORDS = {"MM": "mm", "UM": "um", "DEG": "degrees", "MRAD": "mrad", "A": "A", "EV": "eV", "PERCENT": "%", "S": "s"}


def test_numbers_are_in_the_units_of_the_table() -> None:
    numbers = [
        option for option in OPTIONS if option.kind in ("number", "integer", "wavelength", "energy", "attenuation")
    ]
    for option in numbers:
        word = option.help.partition(":")[0].partition("|")[0]
        for key in option.keys:
            unit = QUANTITIES[key].unit
            assert UNIT_WORDS.get(word, unit) == unit, option.names
            assert unit not in UNIT_WORDS.values() or word in UNIT_WORDS, option.names
