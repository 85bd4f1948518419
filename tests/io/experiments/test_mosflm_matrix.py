from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cases import INPUTS

from nbjax.errors import FileError
from nbjax.io.experiments.mosflm_matrix import read_matrix


def test_rows_and_columns() -> None:
    lines = (INPUTS / "tric.mat").read_text().splitlines()
    matrix = read_matrix(INPUTS / "tric.mat")
    assert matrix.cell is None
    np.testing.assert_array_equal(matrix.columns, [[float(word) for word in line.split()] for line in lines[:3]])


def test_what_follows_the_nine_numbers_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.mat").write_text("1 0\n0 0 2 0 0 0 3 trailing words\nSYMM P1\n")
    np.testing.assert_array_equal(read_matrix(tmp_path / "a.mat").columns, np.diag([1.0, 2.0, 3.0]))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("1 2 3\n4 5 6\n7 8", "holds 8 numbers"),
        ("", "holds 0 numbers"),
        ("1 0 0\n0 one 0\n0 0 1", "line 2: 'one' is not a number"),
        ("1 0 0\n0 1 0\n0 0 nan", "line 3: 'nan' is not finite"),
        ("1 2 3\n4 5 6\n7 8 9", "lie in a plane"),
        ("0.01 0 0\n0 0.01 0\n0 0 0", "lie in a plane"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: str, problem: str) -> None:
    (tmp_path / "a.mat").write_text(content)
    with pytest.raises(FileError, match=f"a.mat: .*{problem}"):
        read_matrix(tmp_path / "a.mat")


def test_small_reciprocal_vectors_are_not_singular(tmp_path: Path) -> None:
    (tmp_path / "a.mat").write_text("1e-5 0 0 0 1e-5 0 0 0 1e-5")
    assert np.linalg.det(read_matrix(tmp_path / "a.mat").columns) == pytest.approx(1e-15)


@pytest.mark.parametrize(
    "lines",
    [
        [
            " XPARM.XDS    VERSION March 30, 2013",
            "1 82 0.15 0.999997 -0.00159 -0.00158",
            "0.97625 0.0016 0.0044 1.0243",
        ],
        ["1 0.0 0.2 0.999964 0.002010 0.008234", "0.979500 -0.001316 0.001644 1.020927", "2463 2527 0.172 0.172"],
    ],
)
def test_files_of_xds_are_no_matrices(tmp_path: Path, lines: list[str]) -> None:
    (tmp_path / "GXPARM.XDS").write_text("\n".join(lines))
    with pytest.raises(FileError, match=r"GXPARM\.XDS: is a parameter file of XDS"):
        read_matrix(tmp_path / "GXPARM.XDS")


def test_the_cell_of_a_whole_file(tmp_path: Path) -> None:
    numbers = [*np.diag([0.02, 0.02, 0.01]).ravel(), 0, 0, 0, *np.eye(3).ravel(), 50, 50, 100, 90, 90, 90]
    (tmp_path / "a.mat").write_text(" ".join(map(str, numbers)))
    np.testing.assert_array_equal(read_matrix(tmp_path / "a.mat").cell, [50, 50, 100, 90, 90, 90])


def test_columns_of_a_fixed_width_may_touch(tmp_path: Path) -> None:
    (tmp_path / "a.mat").write_text("  0.01234567 -0.02345678  0.00123456\n -0.01234567-0.02345678  0.00123456\n")
    with open(tmp_path / "a.mat", "a") as handle:
        handle.write("  1.0e-3-0.00345678-0.01123456\n")
    found = read_matrix(tmp_path / "a.mat").columns
    assert found[1].tolist() == [-0.01234567, -0.02345678, 0.00123456]
    assert found[2, 1:].tolist() == [-0.00345678, -0.01123456]
