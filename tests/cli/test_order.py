"""Options whose order matters, and the departures of the C program's own reading."""

from __future__ import annotations

import pytest

from nbjax.cli.nanobragg import option_departures, read_options
from nbjax.config.tree import Beam, Config
from nbjax.reference.ledger import NAMES

FAST = "-fdet_vector 1 0 0"


def read(line: str) -> Config:
    return read_options(line.split()).config


@pytest.mark.parametrize(
    ("line", "convention"),
    [
        ("-xds -adxv", "adxv"),
        ("-adxv -xds -mosflm", "mosflm"),
        (f"-xds {FAST}", "custom"),
        (f"{FAST} -xds", "xds"),
        ("-dials -pix0_vector 0 0 0", "custom"),
    ],
)
def test_the_last_convention_wins(line: str, convention: str) -> None:
    assert read(line).detector.convention == convention


def test_vectors_before_a_named_convention_are_dropped_with_a_note() -> None:
    request = read_options(f"{FAST} -beam_vector 0 0 1 -spindle_axis 0 1 0 -xds".split())
    assert request.config.detector.fast_axis is None
    assert request.config.beam.direction is None
    assert request.config.crystal.spindle_axis is None
    assert len(request.notes) == 3
    for name in ("-fdet_vector", "-beam_vector", "-spindle_axis"):
        assert f"{name}: has no effect, the later -xds fixes all axes" in request.notes
        assert name not in request.sources.values()


def test_vectors_on_both_sides_of_a_named_convention_are_kept() -> None:
    config = read(f"-beam_vector 0 0 1 -xds {FAST}")
    assert (config.beam.direction, config.detector.fast_axis) == ((0.0, 0.0, 1.0), (1.0, 0.0, 0.0))


@pytest.mark.parametrize("name", ["-pix0_vector", "-pix0_vector_mm"])
def test_the_first_pixel_vector_is_noted(name: str) -> None:
    assert any(name in note and "not used" in note for note in read_options([name, "1", "2", "3"]).notes)


@pytest.mark.parametrize(
    ("flags", "pivot"),
    [
        ("", "beam"),
        ("-distance 100", "beam"),
        ("-Xbeam 5", "beam"),
        ("-Ybeam 5", "beam"),
        ("-pivot beam", "beam"),
        ("-close_distance 100", "sample"),
        ("-Xclose 5", "sample"),
        ("-Yclose 5", "sample"),
        ("-ORGX 5", "sample"),
        ("-ORGY 5", "sample"),
        ("-twotheta 0", "sample"),
        ("-pivot sample", "sample"),
        ("-xds", "sample"),
        ("-mosflm", "beam"),
        ("-denzo", "beam"),
        ("-adxv", "beam"),
        ("-dials", "beam"),
    ],
)
@pytest.mark.parametrize("earlier", ["-pivot beam", "-pivot sample", ""])
def test_under_custom_the_last_flag_chooses_the_pivot(flags: str, pivot: str, earlier: str) -> None:
    request = read_options([*earlier.split(), *flags.split(), *FAST.split()])
    if flags:
        assert request.config.detector.pivot == pivot
        assert request.sources["detector.pivot"] == flags.split()[0]
    else:
        assert request.config.detector.pivot == (earlier.split() or ["beam"])[-1]
        assert request.sources["detector.pivot"] == (earlier.split() or FAST.split())[0]


@pytest.mark.parametrize("convention", ["mosflm", "denzo", "adxv", "xds", "dials"])
@pytest.mark.parametrize("flags", ["-pivot sample", "-pivot beam", "-twotheta 5", "-ORGX 5"])
def test_a_named_convention_fixes_its_own_pivot(convention: str, flags: str) -> None:
    for line in (f"-{convention} {flags}", f"{flags} -{convention}"):
        request = read_options(line.split())
        assert request.config.detector.pivot is None
        assert "detector.pivot" not in request.sources


def test_wavelength_and_energy_replace_each_other() -> None:
    assert read("-lambda 2 -energy 12000").beam == Beam(energy_eV=12000.0)
    assert read("-energy 12000 -lambda 2").beam == Beam(wavelength_A=2.0)
    assert read("-lambda 2 -wave 3").beam == Beam(wavelength_A=3.0)


def test_fluence_and_flux_are_both_kept() -> None:
    expected = Beam(fluence_photons_per_m2=1e20, flux_photons_per_s=1e12)
    assert read("-fluence 1e20 -flux 1e12").beam == read("-flux 1e12 -fluence 1e20").beam == expected


@pytest.mark.parametrize(
    ("line", "cells"),
    [
        ("-N 5 -Nb 7", (5, 7, 5)),
        ("-Nb 7 -N 5", (5, 5, 5)),
        ("-Na 2 -Nb 3 -Nc 4", (2, 3, 4)),
        ("-Na 2 -Na 3", (3, 1, 1)),
    ],
)
def test_cell_counts(line: str, cells: tuple[int, int, int]) -> None:
    assert read(line).crystal.cells == cells


def test_sizes() -> None:
    crystal = read("-sample_y 3 -xtalsize 1 -height 2").crystal
    assert (crystal.size_a_mm, crystal.size_b_mm, crystal.size_c_mm) == (1.0, 1.0, 2.0)
    assert read("-detsize_f 3 -detsize 5").detector.size_fast_mm == 5.0
    assert read("-detpixels 5 -detpixels_x 3").detector.pixels_fast == 3


@pytest.mark.parametrize("none", ["inf", "infinity", "0", "0.0"])
def test_no_absorption_takes_back_the_thickness_given_so_far(none: str) -> None:
    detector = read(f"-detector_abs 20 -detector_thick 300 -detector_abs {none}").detector
    assert (detector.thickness_um, detector.attenuation_depth_um) == (None, None)
    detector = read(f"-detector_abs {none} -detector_thick 300 -detector_abs 20").detector
    assert (detector.thickness_um, detector.attenuation_depth_um) == (300.0, 20.0)


def test_cancelled_outputs() -> None:
    assert read("-noisefile a -nonoise").output.noise_file is None
    assert read("-nonoise -noisefile a").output.noise_file == "a"
    assert read("-pgmfile a -nopgm").output.pgm_file is None
    assert read("-nopgm -pgmfile a").output.pgm_file == "a"
    assert read("-pgmfile a -nopgm -pgmscale 2").output.pgm_file == "a"
    assert read("-pgmfile a -pgmscale 2 -nopgm").output.pgm_file is None


def test_other_pairs_of_which_the_last_wins() -> None:
    assert read("-nopolar -polar 0.5").beam == Beam(polarization=0.5)
    assert read("-polar 0.5 -nopolar").beam == Beam(polarization=0.5, polarization_correction=False)
    assert read("-interpolate -nointerpolate").crystal.interpolate is False
    assert read("-nointerpolate -interpolate").crystal.interpolate is True
    assert read("-gauss_xtal -round_xtal").crystal.shape == "round"
    assert read_options(["-progress", "-noprogress"]).progress is False


def test_random_and_given_missets_replace_each_other() -> None:
    crystal = read("-misset 1 2 3 -misset random").crystal
    assert (crystal.misset_deg, crystal.misset_random) == (None, True)
    crystal = read("-misset random -misset 1 2 3").crystal
    assert (crystal.misset_deg, crystal.misset_random) == ((1.0, 2.0, 3.0), False)


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("-parity", NAMES),
        ("-parity -N 5", NAMES),
        ("-parity all", NAMES),
        ("-parity water_scale,phi_carryover", ("phi_carryover", "water_scale")),
        ("-parity water_scale -parity phi_carryover", ("phi_carryover", "water_scale")),
    ],
)
def test_parity(line: str, names: tuple[str, ...]) -> None:
    assert set(read(line).parity) == set(names)


SEED = "-misset_seed 5 -N 7"


@pytest.mark.parametrize("parity", ["-parity", "-parity misset_seed_option"])
def test_the_c_program_reads_the_misset_seed_as_a_misset_too(parity: str) -> None:
    crystal = read(f"{parity} -misset random {SEED}").crystal
    assert (crystal.misset_deg, crystal.misset_random, crystal.misset_seed) == ((5.0, 0.0, 7.0), False, 5)
    crystal = read(f"-misset random {SEED} {parity}").crystal
    assert crystal.misset_deg == (5.0, 0.0, 7.0)
    crystal = read(f"{parity} {SEED} -misset random").crystal
    assert (crystal.misset_deg, crystal.misset_random) == (None, True)


def test_the_misset_seed_needs_three_words_to_be_a_misset() -> None:
    crystal = read("-parity misset_seed_option -N 7 -misset_seed 5 -nopolar").crystal
    assert (crystal.misset_deg, crystal.misset_seed) == (None, 5)


def test_the_misset_seed_is_only_a_seed_without_parity() -> None:
    crystal = read(f"-misset random {SEED}").crystal
    assert (crystal.misset_deg, crystal.misset_random, crystal.misset_seed) == (None, True, 5)


def test_the_c_program_reads_the_two_theta_axis_as_two_theta_too() -> None:
    line = "-twotheta 9 -distance 100 -twotheta_axis 0.6 0.8 0"
    detector = read(f"-parity twotheta_axis_option {line}").detector
    assert (detector.two_theta_deg, detector.pivot) == (0.6, "sample")
    detector = read(line).detector
    assert (detector.two_theta_deg, detector.pivot) == (9.0, "beam")
    detector = read(f"-parity twotheta_axis_option {line} -twotheta 4 -pivot beam").detector
    assert (detector.two_theta_deg, detector.pivot) == (4.0, "beam")


def test_the_c_program_ignores_a_curved_detector_at_the_end() -> None:
    assert read("-parity curved_det_last -curved_det").detector.curved is False
    assert read("-parity curved_det_last -curved_det -nopolar").detector.curved is True
    assert read("-curved_det").detector.curved is True


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("-N 5", ()),
        (f"-misset random {SEED}", ("misset_seed_option",)),
        (f"-parity misset_seed_option -misset random {SEED}", ()),
        (f"{SEED} -misset random", ()),
        ("-twotheta_axis 0 0 1", ("twotheta_axis_option",)),
        ("-curved_det", ("curved_det_last",)),
        ("-flux 0", ("sentinel_values",)),
        ("-osc -1", ("sentinel_values",)),
        ("-phistep -1", ("sentinel_values",)),
        ("-phistep 0 -hdivstep 0 -vdivstep 0", ()),
        ("-curved_det -twotheta_axis 0 0 1", ("twotheta_axis_option",)),
    ],
)
def test_departures_of_the_reading(line: str, names: tuple[str, ...]) -> None:
    assert option_departures(line.split()) == names
