"""Option lines that cannot be read, and faults of the configuration told in terms of options."""

from __future__ import annotations

import pytest

from nbjax.cli.nanobragg import name_options, read_options
from nbjax.errors import ConfigError, Fault


def faults_of(line: str) -> list[tuple[str, str]]:
    with pytest.raises(ConfigError) as caught:
        read_options(line.split())
    return [(fault.key, fault.problem) for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("line", "option", "problem"),
    [
        ("-distanc 100", "-distanc", "unknown option; did you mean -distance?"),
        ("-Lambda 1", "-Lambda", "unknown option; did you mean -lambda?"),
        ("-mosaic_domain 5", "-mosaic_domain", "unknown option; did you mean -mosaic_domains?"),
        ("--distance 100", "--distance", "unknown option; did you mean -distance?"),
        ("-zzzzzzzzzzzz", "-zzzzzzzzzzzz", "unknown option; nbjax nanobragg --help lists the options"),
        ("-distance", "-distance", "its value is missing; give a number"),
        ("-distance -pixel 0.1", "-distance", "its value is missing; give a number"),
        ("-distance abc", "-distance", "got 'abc', a number is wanted"),
        ("-distance 1,5", "-distance", "got '1,5', a number is wanted"),
        ("-distance 1_000", "-distance", "got '1_000', a number is wanted"),
        ("-distance nan", "-distance", "got 'nan', a number is wanted"),
        ("-distance inf", "-distance", "got 'inf', a number is wanted"),
        ("-distance 1e999", "-distance", "got '1e999', a number is wanted"),
        ("-distance 0x10", "-distance", "got '0x10', a number is wanted"),
        ("-detpixels 12.5", "-detpixels", "got 12.5, a whole number is wanted"),
        ("-Na 1.5", "-Na", "got 1.5, a whole number is wanted"),
        ("-N x", "-N", "got 'x', a number is wanted"),
        ("-seed 1.5", "-seed", "got 1.5, a whole number is wanted"),
        ("-hkl", "-hkl", "its value is missing; give a file name"),
        ("-hkl -lambda 1", "-hkl", "its value is missing; give a file name"),
        ("-beam_vector 1 2", "-beam_vector", "its value is missing; give 3 numbers"),
        ("-beam_vector 1 2 -N 5", "-beam_vector", "its value is missing; give 3 numbers"),
        ("-beam_vector 1 b 2", "-beam_vector", "got 'b', a number is wanted"),
        ("-pix0_vector 1 2", "-pix0_vector", "its value is missing; give 3 numbers"),
        ("-misset 1 2", "-misset", "its value is missing; give 3 numbers"),
        ("-misset", "-misset", "its value is missing; give 3 numbers"),
        ("-misset any 1 2", "-misset", "got 'any', a number is wanted"),
        ("-cell", "-cell", "its values are missing; give a b c alpha beta gamma"),
        ("-cell -N 5", "-cell", "its values are missing; give a b c alpha beta gamma"),
        ("-cell 50 b", "-cell", "got 'b', a number is wanted"),
        ("-cell 50 b 60 70", "-cell", "got 'b', a number is wanted"),
        ("-cell 1 2 3 4 5 6 7", "7", "is not an option and belongs to none; remove it"),
        ("-roi 1 2 3", "-roi", "its value is missing; give 4 numbers"),
        ("-roi 1 2 3 4.5", "-roi", "got 4.5, a whole number is wanted"),
        ("-pivot centre", "-pivot", "got 'centre', beam or sample is wanted"),
        ("-pivot", "-pivot", "its value is missing; give beam or sample"),
        ("-precision half", "-precision", "got 'half', double, mixed or single is wanted"),
        ("-detector_abs thick", "-detector_abs", "got 'thick', a number is wanted"),
        ("-detector_abs", "-detector_abs", "its value is missing; give a number"),
        ("-detector_abs inf -detector_thick 300", "-detector_abs", "a sensor that captures nothing"),
        ("-annotate", "-annotate", "needs -pngfile, the picture to write"),
        ("-printout_pixel 3", "-printout_pixel", "its value is missing; give 2 numbers"),
        ("-config_out", "-config_out", "its value is missing; give a file name"),
        ("-misset_seed x", "-misset_seed", "got 'x', a number is wanted"),
        ("stray", "stray", "is not an option and belongs to none; remove it"),
        ("-5", "-5", "is not an option and belongs to none; remove it"),
        ("-parity phi_carryovr", "-parity", "did you mean phi_carryover?"),
        ("-parity first_pixel_order", "-parity", "cannot be switched on"),
        ("-stol a.stol", "-stol", "does not use it"),
        ("-4stol a.stol", "-4stol", "does not use it"),
        ("-Q a.stol", "-Q", "does not use it"),
        ("-stolout a.stol", "-stolout", "does not use it"),
        ("-coherent", "-coherent", "does not use it"),
        ("-density 1", "-density", "does not use it"),
        ("-sample_den 1", "-sample_den", "does not use it"),
        ("-sample_density 1", "-sample_density", "does not use it"),
        ("-MW 14000", "-MW", "does not use it"),
        ("-molec 14000", "-molec", "does not use it"),
        ("-molecular_weight 14000", "-molecular_weight", "does not use it"),
        ("-hdiv 0", "-hdiv", "use -hdivrange, with -hdivsteps or -hdivstep"),
        ("-vdiv 0", "-vdiv", "use -vdivrange, with -vdivsteps or -vdivstep"),
        ("-dispstep 3", "-dispstep", "use -dispersion with -dispsteps"),
        ("-source_dist 10", "-source_dist", "-sourcefile"),
        ("-source_distance 10", "-source_distance", "-sourcefile"),
    ],
)
def test_a_fault_names_the_option_and_the_remedy(line: str, option: str, problem: str) -> None:
    found = faults_of(line)
    assert [name for name, _ in found] == [option]
    assert problem in found[0][1]


def test_all_faults_are_reported_at_once() -> None:
    found = faults_of("-distanc 100 200 -pixel x -hdiv 0 -N 1.5 -stol a stray -roi 1 2")
    assert [name for name, _ in found] == ["-distanc", "-pixel", "-hdiv", "-N", "-stol", "-roi"]


@pytest.mark.parametrize("word", ["-detpixels_", "-sample", "-hkls", "-phi0", "-oversampl"])
def test_what_the_c_program_takes_for_a_part_of_an_option_is_unknown(word: str) -> None:
    assert faults_of(f"{word} 5")[0][1].startswith("unknown option; did you mean -")


def test_a_fault_of_a_key_is_told_as_the_option_that_set_it() -> None:
    line = "-wave -1 -sample_thick -2 -xtal_size 3"
    request = read_options(line.split())
    faults = [Fault("beam.wavelength_A", "got -1"), Fault("crystal.size_a_mm", "got 3")]
    assert name_options(faults, request.sources) == [Fault("-wave", "got -1"), Fault("-xtal_size", "got 3")]


def test_a_fault_of_an_unset_key_is_told_as_the_option_that_would_set_it() -> None:
    faults = [
        Fault("crystal.cell_A", "missing; give crystal.cell_A and crystal.cell_deg, or crystal.matrix_file"),
        Fault("crystal.hkl_file", "missing; give crystal.hkl_file or crystal.coordinates_file"),
        Fault("somewhere", "else"),
    ]
    assert name_options(faults, {}) == [
        Fault("-cell", "missing; give -cell and -cell, or -mat"),
        Fault("-hkl", "missing; give -hkl or crystal.coordinates_file (in TOML only)"),
        Fault("somewhere", "else"),
    ]
