"""Lines of the C program's own documentation, which names options that it does not have, run under ``-parity``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nbjax.cli import main
from nbjax.cli.nanobragg import read_options
from nbjax.errors import ConfigError
from nbjax.resolve import resolve

CELL = "-cell 50 60 70 -default_F 100 -lambda 1 -distance 100 -pixel 1 -detpixels_x 6 -detpixels_y 5"
FILES = {"floatimage.bin", "intimage.img", "image.pgm", "noiseimage.img"}


@pytest.mark.parametrize(
    ("more", "same", "said"),
    [
        ("-hdiv 0 -vdiv 0 -N 3", "-N 3", "-hdiv: has no effect; the C program does not know this option"),
        ("-dispersion 0 -dispstep 1 -N 3", "-dispersion 0 -N 3", "-dispstep: has no effect"),
        ("-stol water.stol -N 3", "-N 3", "-stol: has no effect; the C program reads it and does not use it"),
        ("-N 36 47 29", "-N 36", "47: has no effect; it belongs to no option"),
        ("-N 36.7", "-N 36", ""),
        ("-N 0", "-N 1", "-N: 0 is taken for 1"),
        ("-Na 3 -Nb -4", "-Na 3", "-Nb: -4 is taken for 1"),
        ("-N 3 -xdet_vector 1 0 0 -ydet_vector 0 1 0", "-N 3", "-xdet_vector: has no effect"),
        ("-N 3 -detsize_x 40 -detsize_y 50", "-N 3", "-detsize_y: has no effect"),
        ("-N 3 -oversample 0 -phisteps 0", "-N 3 -phisteps 1", "-oversample: 0 is taken for not given"),
        ("-N 3 -cell 50 0 0 0 95 0", "-N 3 -cell 50 50 50 90 95 90", ""),
        ("-N 3 -mosaic -1 -hdivrange -2", "-N 3", "-mosaic: -1 is taken for not given"),
    ],
)
def test_words_are_passed_over_with_a_warning(more: str, same: str, said: str) -> None:
    found = read_options(f"{CELL} {more} -floatfile a -parity".split())
    assert found.config == read_options(f"{CELL} {same} -floatfile a -parity".split()).config
    assert any(note.startswith(said) for note in found.notes) or not said


@pytest.mark.parametrize("word", ["-hdiv 0", "-stol a.stol", "-N 36 47", "-fluense 1"])
def test_they_are_refused_otherwise(word: str) -> None:
    with pytest.raises(ConfigError):
        read_options(f"{CELL} {word}".split())


@pytest.mark.parametrize(
    ("more", "missing"),
    [("", set()), ("-nonoise", {"noiseimage.img"}), ("-nopgm -nonoise", {"noiseimage.img", "image.pgm"})],
)
def test_a_line_without_outputs_writes_the_default_files(more: str, missing: set[str]) -> None:
    assert main(["nanobragg", *f"{CELL} -N 2 -parity {more}".split()]) == 0
    assert {path.name for path in Path().iterdir()} == FILES - missing


def test_the_cache_of_structure_factors_is_written_and_read() -> None:
    indices = np.ndindex(5, 5, 5)
    Path("a.hkl").write_text("".join(f"{h - 2} {k - 2} {m - 2} {10 + h + 2 * k + 3 * m}\n" for h, k, m in indices))
    line = CELL.replace("-default_F 100", "")
    assert main(["nanobragg", *f"{line} -hkl a.hkl -N 2 -parity -nonoise -nopgm".split()]) == 0
    assert Path("Fdump.bin").is_file()
    first = np.fromfile("floatimage.bin", "<f4")
    assert main(["nanobragg", *f"{line} -N 2 -parity -floatfile b.bin".split()]) == 0
    np.testing.assert_array_equal(np.fromfile("b.bin", "<f4"), first)


def test_a_region_beyond_the_detector_is_cut() -> None:
    line = f"{CELL} -N 2 -roi 1 400 2 500"
    assert resolve(read_options(f"{line} -parity -floatfile a".split()).config).detector.roi == (1, 6, 2, 5)
    with pytest.raises(ConfigError, match="outside the detector"):
        resolve(read_options(line.split()).config)
