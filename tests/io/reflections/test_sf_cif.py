from __future__ import annotations

import numpy as np
import pytest
from reflection_files import ANOMALOUS, MAIN, SMALL_CIF, cif_block

from nbjax.errors import FileError
from nbjax.io.reflections import parse_reflections

FLAGS = cif_block("r1abcBsf", "status", "1 2 3 o\n", "")


def test_measured_amplitudes_of_an_entry() -> None:
    found = parse_reflections(MAIN.encode(), "r1abcsf.ent")
    np.testing.assert_array_equal(found.miller, [[1, 2, 3], [1, 2, 4], [1, 2, 5], [-1, 0, 2]])
    np.testing.assert_array_equal(found.values, [10.5, np.nan, np.nan, 7.25])
    np.testing.assert_allclose(found.cell, [30, 41, 52, 90, 101.5, 90])
    assert (found.column, found.kind, found.symmetry and found.symmetry.name) == ("F_meas_au", "amplitude", "P 1 21 1")
    assert "F_calc_au" in found.remarks[0]
    calculated = parse_reflections(MAIN.encode(), "r1abcsf.ent", "F_calc_au")
    np.testing.assert_array_equal(calculated.values, [11, 12, 13, 14])
    np.testing.assert_array_equal(calculated.phases_deg, [30, 40, 50, 180])
    assert parse_reflections(MAIN.encode(), "r1abcsf.ent", "pdbx_FWT").values[0] == 9


def test_several_blocks() -> None:
    content = (FLAGS + ANOMALOUS + MAIN).encode()
    found = parse_reflections(content, "x.cif")
    assert found.column == "pdbx_I_plus, pdbx_I_minus"
    np.testing.assert_array_equal(found.mates, [90, np.nan])
    assert "block r1abcAsf is taken of 3" in found.remarks[0]
    named = parse_reflections(content, "x.cif", "r1abcsf/F_meas_au")
    assert named.column == "F_meas_au"
    first = parse_reflections((MAIN + ANOMALOUS).encode(), "x.cif", "r1abcAsf/pdbx_I_plus")
    assert first.cell is not None
    np.testing.assert_allclose(first.cell[:3], [30, 41, 52])
    with pytest.raises(FileError, match=r"x\.cif: has no block 'r2'.*it has r1abcBsf, r1abcAsf, r1abcsf"):
        parse_reflections(content, "x.cif", "r2/F_meas_au")


def test_small_molecules() -> None:
    found = parse_reflections(SMALL_CIF.encode(), "x.hkl")
    assert (found.column, found.kind, found.symmetry and found.symmetry.name) == ("F_squared_meas", "intensity", "P -1")
    np.testing.assert_array_equal(found.values, [16.0, -1.0])
    assert found.wavelength_A is None


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (MAIN[:-40], "cannot be read as CIF"),
        (FLAGS, "no column of amplitudes or intensities among status; give a file"),
        (MAIN.replace("1 2 5 o", "1 2.5 5 o"), "reflection 3 has the indices 1 2.5 5, not whole ones"),
        (MAIN.replace("_refln.index_k", "_refln.index_q"), "lacks one of index_h, index_k, index_l"),
    ],
)
def test_faulty_files(content: str, problem: str) -> None:
    with pytest.raises(FileError, match=rf"x\.cif: .*{problem}"):
        parse_reflections(content.encode(), "x.cif")
