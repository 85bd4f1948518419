"""Each ledger entry by itself, against an independent NumPy implementation of physics and departures."""

from __future__ import annotations

import dataclasses

import jax
import numpy as np
import pytest
from cases import INPUTS, residual
from oracle.image import simulate as oracle_image

from nbjax.cli.nanobragg import option_departures, read_options
from nbjax.errors import ConfigError
from nbjax.io.smv import write_smv
from nbjax.pipeline.render import render
from nbjax.preparation import prepare_resolved
from nbjax.reference.departures import departures
from nbjax.reference.ledger import ENTRIES, NAMES, check_names
from nbjax.resolve import resolve

TRICLINIC = "-hkl tric_5A.hkl -mat tric.mat -lambda 0.9 -N 6 -distance 100 -pixel 0.8 -detpixels_x 24 -detpixels_y 20"
OBLIQUE = "-cell 40 50 60 80 95 105 -default_F 50 -lambda 0.9 -N 5 -distance 100 -pixel 0.8 -detpixels 20"
SENSOR = "-detector_abs 300 -detector_thick 400 -detector_roty 20"
VECTORS = "-fdet_vector 0 0 1 -sdet_vector 0 -1 0 -beam_vector 1 0 0 -Xbeam 9 -Ybeam 8"

SHOWS: dict[str, str] = {
    "phi_carryover": f"{TRICLINIC} -oversample 1 -phi -0.5 -osc 2 -phisteps 8",
    "first_sample_factors": f"{TRICLINIC} -oversample 2 -polar 0.9 -hdivrange 20 -hdivsteps 3 {SENSOR}",
    "running_product": f"{TRICLINIC} -oversample 2 -oversample_omega -oversample_polar -oversample_thick {SENSOR} "
    "-polar 0.8 -detector_thicksteps 3 -water 3",
    "oversample_thick_alone": f"{TRICLINIC} -oversample 2 -oversample_thick -water 4",
    "oversample_polar_always": f"{TRICLINIC} -oversample 2 -oversample_polar -nopolar -polar 0.7 -nopolar",
    "last_layer_capture": f"{TRICLINIC} -oversample 2 {SENSOR} -detector_thicksteps 3 -water 3",
    "layer_step": f"{TRICLINIC} -oversample 1 {SENSOR} -detector_thicksteps 4",
    "source_weights": f"{TRICLINIC} -oversample 1 -sourcefile sources.txt -polar 0.5",
    "water_scale": f"{TRICLINIC} -oversample 2 -water 40 -fluence 1e20 -phi 1 -osc 1 -phisteps 3",
    "interpolation_latch": f"{TRICLINIC} -oversample 1 -interpolate -default_F 30 -mosaic 1 -mosaic_domains 3",
    "interpolation_autoselect": f"{TRICLINIC} -oversample 1 -xtalsize 0.00002 -beamsize 1".replace("-N 6 ", ""),
    "star_shape": f"{TRICLINIC} -oversample 1 -gauss_xtal -fudge 0.9 -phi 10 -osc 1 -phisteps 2",
    "shape_constants": f"{TRICLINIC} -oversample 1 -tophat_spots -fudge 1.3",
    "cell_setting": f"{OBLIQUE} -oversample 1 -misset 10 20 30",
    "misset_random": f"{OBLIQUE} -oversample 1 -misset_seed 777 -misset random",
    "misset_seed_option": f"{OBLIQUE} -misset random -misset_seed 777 -oversample 1",
    "twotheta_axis_option": f"{OBLIQUE} {VECTORS} -twotheta_axis 8 0 6 -oversample 1 -distance 100",
    "twotheta_axis_length": f"{OBLIQUE} {VECTORS} -twotheta_axis 0 1.1 0 -twotheta 7 -oversample 1",
    "curved_det_last": f"{OBLIQUE} -oversample 1 -curved_det",
    "curved_mapping": f"{TRICLINIC} {SENSOR} -oversample 1 -curved_det",
    "custom_normal": f"{TRICLINIC} {VECTORS} -sdet_vector 0 -1 0.02 -fdet_vector 0.1 0.02 1 -oversample 1",
    "two_column_sources": f"{TRICLINIC} -oversample 1 -sourcefile spectrum.txt",
    "sentinel_values": f"{TRICLINIC} -oversample 1 -phi 20 -osc -2 -phisteps 4",
    "header_twotheta": f"{TRICLINIC} -img header_twotheta.img -oversample 1",
    "header_beam_center": f"{TRICLINIC} -img header_org.img -oversample 1 -pix0_vector 0 0 0 -pivot sample",
    "round_peak": "-cell 50 60 70 -default_F 10 -lambda 1 -distance 100 -pixel 1 -detpixels_x 6 -detpixels_y 5 -N 5 "
    "-oversample 1 -round_xtal -Xbeam 2.0000001 -Ybeam 2",
    "hkl_stream": f"{TRICLINIC} -oversample 1".replace("tric_5A", "commented"),
    "detector_size": f"{TRICLINIC} -oversample 1 -detsize_f 18 -detsize_s 14.5 -pixel 0.8".replace(
        "-detpixels_x 24 -detpixels_y 20", ""
    ),
    "oversample_distance": f"{TRICLINIC} -twotheta 60 -distance 60",
    # 6 or 7 cells along a
    "size_rounding": "-cell 50 60 70 80 95 105 -default_F 10 -lambda 1 -distance 100 -pixel 1 -detpixels_x 6 "
    "-detpixels_y 5 -oversample 1 -samplesize 3e-05",
    "ignored_options": f"{TRICLINIC} -oversample 1 -xdet_vector 0 0.6 0.8 -ydet_vector 0 -0.8 0.6",
    "mask_beam_center": f"{TRICLINIC} -mask mask_centre.img -oversample 1",
    "header_close_distance": f"{TRICLINIC} -img header_close.img -oversample 1 -distance 130",
}
NOT_IN_IMAGES = {"poisson_sampler", "header_overflow", "default_files", "two_sided_panel", "distance_before_swing"}
NOT_IN_ORACLE = {
    "hkl_stream",
    "round_peak",
    "size_rounding",
    "header_close_distance",
    "header_beam_center",
    "ignored_options",
    "two_column_sources",
}
SWUNG = f"{TRICLINIC} -twotheta 9 -curved_det -oversample 1"
BACKWARDS = f"{TRICLINIC} -oversample 1 -twotheta 120 -pivot beam"
TOGETHER = [
    f"{TRICLINIC} -oversample 1 -round_xtal -fudge 0.8",
    f"{TRICLINIC} -oversample 1 -gauss_xtal -fudge 0.05",
    f"{TRICLINIC} -oversample 2 -curved_det -twotheta 8 -polar 0.9 -oversample_thick {SENSOR}",
    f"{TRICLINIC} -oversample 2 -phi 0 -osc 1 -phisteps 3 -dmin 3.5 -polar 0.9 -hdivrange 3 -hdivsteps 2 {SENSOR}",
    f"{TRICLINIC} -oversample 2 -oversample_omega -phi 0 -osc 1 -phisteps 2 -tophat_spots -sourcefile sources.txt",
    f"{TRICLINIC} -oversample 2 -oversample_polar -polar 1 -interpolate -water 5 -mosaic 1 -mosaic_domains 2 {SENSOR}",
    f"{OBLIQUE} -oversample 1 -gauss_xtal -fudge 1e-4 -misset 5 6 7 -roi 3 15 2 12 -phi 0 -osc 3 -phisteps 2",
]


@pytest.fixture(autouse=True)
def _inputs(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    for source in INPUTS.iterdir():
        (tmp_path / source.name).symlink_to(source)
    (tmp_path / "spectrum.txt").write_text("0.95 1\n1.00 2\n1.05 1\n")
    original = (INPUTS / "header.img").read_bytes()
    for name, words in (
        ("header_twotheta.img", b"TWOTHETA=6;\n}"),
        ("header_close.img", b"CLOSE_DISTANCE=70;\n}"),
        ("header_org.img", b"ORGX=60;\nORGY=40;\n}"),
    ):
        header = original[:512].split(b"}")[0] + words
        (tmp_path / name).write_bytes(header.ljust(512) + original[512:])
    listed = (INPUTS / "tric_5A.hkl").read_text().splitlines(keepends=True)
    (tmp_path / "commented.hkl").write_text("".join([*listed[:40], "# low angle\n", *listed[40:]]))
    words = [("PIXEL_SIZE", "0.8"), ("BEAM_CENTER_X", "7"), ("BEAM_CENTER_Y", "11")]
    write_smv(tmp_path / "mask_centre.img", np.ones((20, 24), np.uint16), words)
    monkeypatch.chdir(tmp_path)


def _image(line: str, parity: tuple[str, ...]) -> np.ndarray:
    config = read_options([*line.split(), *(["-parity", ",".join(parity)] if parity else [])]).config
    if parity == ("curved_det_last",):
        # the option must end the line to be ignored
        config = read_options(["-parity", ",".join(parity), *line.split()]).config
    # programs of one device take three quarters of the time to compile
    return render(prepare_resolved(resolve(config)), devices=jax.devices()[:1])


def test_every_entry_has_a_line_that_shows_it() -> None:
    assert set(SHOWS) | NOT_IN_IMAGES == set(NAMES)
    assert len({entry.name for entry in ENTRIES}) == len(ENTRIES)
    assert all(entry.line > 0 and entry.c_program != entry.physics for entry in ENTRIES)


@pytest.mark.parametrize("entry", SHOWS)
def test_an_entry_is_physics_when_off_and_the_c_program_when_on(entry: str, tmp_path) -> None:
    line = SHOWS[entry]
    off, on = _image(line, ()), _image(line, (entry,))
    assert residual(on, off) > 1e-6
    if entry not in NOT_IN_ORACLE:
        assert residual(off, oracle_image(line, tmp_path)) <= 1e-9
        assert residual(on, oracle_image(line, tmp_path, frozenset({entry}))) <= 1e-9


@pytest.mark.parametrize("entry", SHOWS)
def test_an_entry_that_matters_is_named(entry: str) -> None:
    words = SHOWS[entry].split()
    resolved = resolve(read_options(words).config)
    assert entry in departures(resolved, prepare_resolved(resolved), option_departures(words))


@pytest.mark.parametrize("sensor", ["", SENSOR])
def test_a_panel_that_shows_its_back_is_refused_or_the_c_programs(sensor: str, tmp_path) -> None:
    line = f"{BACKWARDS} {sensor}"
    with pytest.raises(ConfigError, match=r"detector.two_theta_deg: put the panel's plane -\d+"):
        _image(line, ())
    parity = ("two_sided_panel", *(("layer_step", "last_layer_capture", "first_sample_factors") if sensor else ()))
    found = _image(line, tuple(sorted(parity)))
    assert (found > 0).all() if sensor else (found < 0).all()
    assert residual(found, oracle_image(line, tmp_path, frozenset(parity))) <= 1e-9


def test_the_curved_panel_of_the_c_program_takes_the_distance_before_the_swing(tmp_path) -> None:
    parity = ("curved_mapping", "distance_before_swing")
    off, on = _image(SWUNG, parity[:1]), _image(SWUNG, parity)
    assert residual(on, off) > 1e-6
    assert residual(off, oracle_image(SWUNG, tmp_path, frozenset(parity[:1]))) <= 1e-9
    assert residual(on, oracle_image(SWUNG, tmp_path, frozenset(parity))) <= 1e-9
    resolved = resolve(read_options(SWUNG.split()).config)
    assert set(parity) <= set(departures(resolved, prepare_resolved(resolved)))


@pytest.mark.parametrize("line", TOGETHER)
def test_entries_together(line: str, tmp_path) -> None:
    everything = frozenset(NAMES)
    assert residual(_image(line, NAMES), oracle_image(line, tmp_path, everything)) <= 1e-9
    assert residual(_image(line, ()), oracle_image(line, tmp_path)) <= 1e-9


def test_the_given_distance_wins_over_the_header() -> None:
    line = SHOWS["header_close_distance"]
    images = [_image(line, ()), _image(line.replace("header_close", "header"), ())]
    np.testing.assert_array_equal(*images)


def test_names_are_checked() -> None:
    assert check_names(["all"]) == tuple(sorted(NAMES))
    with pytest.raises(ConfigError, match="did you mean star_shape"):
        check_names(["star_shap"])
    with pytest.raises(ConfigError, match="thread schedule"):
        check_names(["first_pixel_order"])


def test_parity_is_off_by_default() -> None:
    config = read_options(TRICLINIC.split()).config
    assert config.parity == ()
    assert dataclasses.replace(config, parity=()) == config


def test_the_round_shape_loses_its_digits_at_the_peak_as_in_the_c_program() -> None:
    line = SHOWS["round_peak"]
    assert _image(line, ("round_peak", "shape_constants"))[2, 2] == pytest.approx(81.75558, rel=1e-6)
    assert _image(line, ("shape_constants",))[2, 2] == pytest.approx(81.812309, rel=1e-6)
