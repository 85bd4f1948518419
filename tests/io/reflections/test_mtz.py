from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from reflection_files import CELL, amplitudes, mtz_bytes, unique

from nbjax.errors import FileError
from nbjax.io.reflections import parse_reflections, read_reflections

HKL = unique("P 21 21 21")
F = amplitudes(len(HKL))
MEASURED = [("FREE", "I", F * 0 + 1), ("FP", "F", F), ("SIGFP", "Q", F * 0 + 2)]
MODEL = [("FC", "F", F * 2), ("PHIC", "P", F * 0 + 30)]
MAP = [("FWT", "F", F * 3), ("PHWT", "P", F * 0)]
INTENSITY = [("IMEAN", "J", F**2), ("SIGIMEAN", "Q", F * 0 + 2)]
PAIR = [("F(+)", "G", F + 1), ("SIGF(+)", "L", F * 0 + 2), ("F(-)", "G", F - 1), ("SIGF(-)", "L", F * 0 + 2)]
I_PAIR = [("I(+)", "K", F + 1), ("I(-)", "K", F - 1)]


@pytest.mark.parametrize(
    ("columns", "wanted", "taken", "kind"),
    [
        (MODEL + INTENSITY + MEASURED + PAIR, None, "F(+), F(-)", "amplitude"),
        (MODEL + INTENSITY + MEASURED, None, "FP", "amplitude"),
        (MAP + MODEL + INTENSITY + I_PAIR, None, "I(+), I(-)", "intensity"),
        (MAP + MODEL + INTENSITY, None, "IMEAN", "intensity"),
        (MAP + MODEL, None, "FC", "amplitude"),
        (MAP + MODEL + MEASURED, "FWT", "FWT", "amplitude"),
        (MEASURED + PAIR, "F(-)", "F(+), F(-)", "amplitude"),
        (MEASURED + MODEL, "FC", "FC", "amplitude"),
    ],
)
def test_the_column_is_the_best_or_the_named_one(
    columns: list[tuple[str, str, np.ndarray]], wanted: str | None, taken: str, kind: str
) -> None:
    found = parse_reflections(mtz_bytes(HKL, columns), "x.mtz", wanted)
    assert (found.column, found.kind) == (taken, kind)
    by_label = {label: values for label, _, values in columns}
    np.testing.assert_allclose(found.values, by_label[taken.split(",")[0]], rtol=1e-6)
    if "," in taken:
        np.testing.assert_allclose(found.mates, by_label[taken.split(", ")[1]], rtol=1e-6)


def test_what_the_header_says_and_what_is_missing(tmp_path: Path) -> None:
    holes = np.where(np.arange(len(F)) == 5, np.nan, F)
    path = tmp_path / "x.mtz.gz"
    path.write_bytes(gzip.compress(mtz_bytes(HKL, [("FP", "F", holes), *MEASURED[2:]])))
    found = read_reflections(path)
    np.testing.assert_array_equal(found.miller, HKL)
    np.testing.assert_allclose(found.cell, CELL)
    assert found.symmetry is not None
    assert found.symmetry.name == "P 21 21 21"
    assert found.wavelength_A == pytest.approx(0.98)
    assert np.flatnonzero(np.isnan(found.values)).tolist() == [5]
    assert found.sigma is not None
    assert parse_reflections(mtz_bytes(HKL, MODEL), "x.mtz").phases_deg == pytest.approx(F * 0 + 30)


@pytest.mark.parametrize(
    ("columns", "wanted", "problem"),
    [
        (MEASURED[:1], None, r"no column of amplitudes or intensities among FREE \(I\); give a file"),
        (MAP, None, r"among FWT \(F\), PHWT \(P\); it holds map coefficients, which crystal.reflections_column takes"),
        (MEASURED, "FPP", "has no column 'FPP'; did you mean 'FP'"),
        (MEASURED, "SIGFP", r"column 'SIGFP' \(type Q\) holds neither amplitudes nor intensities; it has FREE \(I\)"),
    ],
)
def test_without_a_usable_column_those_present_are_listed(
    columns: list[tuple[str, str, np.ndarray]], wanted: str | None, problem: str
) -> None:
    with pytest.raises(FileError, match=rf"x\.mtz: .*{problem}"):
        parse_reflections(mtz_bytes(HKL, columns), "x.mtz", wanted)


WHOLE = mtz_bytes(HKL, MEASURED)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (WHOLE[:100], "fewer than an MTZ file"),
        (WHOLE[: len(WHOLE) // 2], "its header should stand at byte"),
        (WHOLE[:-200].replace(b"NCOL", b"NCOX"), "no record of its numbers"),
        (WHOLE.replace(b"NCOL ", b"NCOL 9"), "columns of .* reflections and holds"),
        (WHOLE.replace(b"COLUMN FP ", b"KOLUMN FP "), r"cannot be read as MTZ \(Number of COLU"),
        (
            WHOLE.replace(b"COLUMN H                              H", b"COLUMN H                              J"),
            "type H",
        ),
    ],
)
def test_damaged_files_are_refused(content: bytes, problem: str) -> None:
    with pytest.raises(FileError, match=rf"x\.mtz: .*{problem}"):
        parse_reflections(content, "x.mtz")
