from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cases import INPUTS

from nbjax.errors import FileError
from nbjax.io.sources import SourceList, read_sources, sources_text


def read(tmp_path: Path, content: str) -> SourceList:
    (tmp_path / "s.txt").write_text(content)
    return read_sources(tmp_path / "s.txt")


def test_a_full_list() -> None:
    found = read_sources(INPUTS / "sources.txt")
    np.testing.assert_array_equal(found.positions_m, [[-10, 0.002, 0.001], [-10, -0.003, 0], [-10, 0, -0.004]])
    np.testing.assert_array_equal(found.weights, [1.0, 0.5, 0.25])
    np.testing.assert_array_equal(found.wavelengths_m, [1e-10, 1.01e-10, 0.99e-10])


def test_every_delimiter_separates(tmp_path: Path) -> None:
    found = read(tmp_path, "1,2;3:4!5e-10\n\t1 ,; 2 3\t4 5e-10 6\n")
    np.testing.assert_array_equal(found.positions_m, [[1, 2, 3]] * 2)
    np.testing.assert_array_equal(found.weights, [4, 4])
    np.testing.assert_array_equal(found.wavelengths_m, [5e-10, 5e-10])


def test_missing_trailing_columns_are_nan(tmp_path: Path) -> None:
    found = read(tmp_path, "# x y z\n\n-10 0 0 2\n-10 1 0 # no weight\n-9\n")
    np.testing.assert_array_equal(found.positions_m, [[-10, 0, 0], [-10, 1, 0], [-9, np.nan, np.nan]])
    np.testing.assert_array_equal(found.weights, [2, np.nan, np.nan])
    assert np.isnan(found.wavelengths_m).all()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("1 0 0 1\n1 0 0 -0.5\n", "line 2: weight -0.5; a weight must not be negative"),
        ("# c\n0 0 0 1\n", "line 2: the source lies at the sample"),
        ("1 0 0 1 0\n", "line 1: wavelength 0 m; a wavelength must be above zero"),
        ("1 0 0 1 -1e-10\n", "line 1: wavelength -1e-10 m"),
        ("1 0 0 1 inf\n", "line 1: wavelength inf m"),
        ("1 0 0 inf\n", "line 1: weight inf"),
        ("1 0 0 1 1.3\n", "line 1: wavelength 1.3 m; if it is in A, give 1.3e-10"),
        ("9.5 1\n900 1\n", "9.5 to 900 are neither wavelengths in Angstrom nor energies in eV"),
        ("1.0 1\n1.1 -1\n", "has the weight -1, and 1 of 2 are negative or not finite"),
        ("1.0 0\n1.1 0\n", "all weights are zero"),
        ("1 0 0\n\n-inf 0 0\n", "line 3: the position is not finite"),
        ("1 0 0\nx y z\n", "line 2: 'x y z' is not numbers"),
        ("1 0 0 0\n1 0 0 0\n", "all weights are zero"),
        ("", "holds no sources"),
        ("# nothing\n", "holds no sources"),
    ],
)
def test_impossible_sources_are_refused(tmp_path: Path, content: str, problem: str) -> None:
    with pytest.raises(FileError, match=rf"s\.txt: .*{problem}"):
        read(tmp_path, content)


def test_text_reads_back(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    sources = SourceList(rng.normal(size=(4, 3)), rng.uniform(size=4), rng.uniform(1e-11, 1e-9, 4))
    found = read(tmp_path, sources_text(sources))
    np.testing.assert_array_equal(found.positions_m, sources.positions_m)
    np.testing.assert_array_equal(found.weights, sources.weights)
    np.testing.assert_array_equal(found.wavelengths_m, sources.wavelengths_m)


@pytest.mark.parametrize("content", ["0.5 1\n1.0 3\n", "24796.84 1\n12398.42 3\n"])
def test_two_columns_are_a_spectrum(tmp_path: Path, content: str) -> None:
    found = read(tmp_path, content)
    assert found.is_spectrum
    np.testing.assert_allclose(found.wavelengths_m, [0.5e-10, 1e-10])
    np.testing.assert_array_equal(found.weights, [1, 3])
    assert found.mean_wavelength_m == pytest.approx(0.875e-10)
    (tmp_path / "s.txt").write_text(content)
    as_positions = read_sources(tmp_path / "s.txt", spectra=False)
    assert not as_positions.is_spectrum
    assert as_positions.positions_m[0, 1] == 1.0
