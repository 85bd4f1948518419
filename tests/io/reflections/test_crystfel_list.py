from __future__ import annotations

import gemmi
import numpy as np
import pytest
from reflection_files import CRYSTFEL

from nbjax.errors import FileError
from nbjax.io.reflections import parse_reflections
from nbjax.io.reflections.crystfel_list import crystfel_symbol
from nbjax.io.symmetry import symmetry_of


def written(symmetry: str = "4/mmm") -> bytes:
    return CRYSTFEL.replace("4/mmm", symmetry).encode()


def test_intensities_and_their_point_group() -> None:
    found = parse_reflections(written(), "x.hkl")
    assert (found.kind, found.column, found.cell) == ("intensity", "I", None)
    np.testing.assert_array_equal(found.miller, [[0, 0, 4], [-1, 2, 3]])
    np.testing.assert_array_equal(found.values, [100.0, -20.5])
    np.testing.assert_array_equal(found.sigma, [5.0, 2.0])
    assert found.symmetry is not None
    assert len(found.symmetry.rotations) == 16


@pytest.mark.parametrize(
    ("symmetry", "kept"),
    [("2/m", [-1, -1, 1]), ("2_uab", [-1, 1, -1]), ("2_uaa", [1, -1, -1]), ("mm2_uab", [-1, 1, 1])],
)
def test_the_unique_axis(symmetry: str, kept: list[int]) -> None:
    found = parse_reflections(written(symmetry), "x.hkl").symmetry
    assert found is not None
    assert any((rotation == np.diag(kept)).all() for rotation in found.rotations)


@pytest.mark.parametrize(
    ("space_group", "merged", "apart"),
    [
        ("P 43 21 2", "4/mmm", "422"),
        ("C 1 2 1", "2/m_uab", "2_uab"),
        ("R 3:H", "-3_H", "3_H"),
        ("R 3 2:R", "-3m_R", "32_R"),
        ("P 31 1 2", "-31m_H", "312_H"),
        ("F 4 3 2", "m-3m", "432"),
        ("P -1", "-1", "-1"),
    ],
)
def test_symbols_of_space_groups(space_group: str, merged: str, apart: str) -> None:
    symmetry = symmetry_of(gemmi.SpaceGroup(space_group))
    assert (crystfel_symbol(symmetry, True), crystfel_symbol(symmetry, False)) == (merged, apart)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (written()[:-60], "does not end with 'End of reflections'; it is cut short"),
        (written("4/mmmm"), "has the symmetry '4/mmmm', no point group of CrystFEL"),
        (written().replace(b"   h  ", b"   H  "), "no line with the names of its columns"),
        (written().replace(b"-20.50", b"   nan"), r"line 5: .* is not finite"),
        (written().replace(b"  -1    2", b"-1.5    2"), r"line 5: -1.5 2 3 are not whole"),
    ],
)
def test_faulty_lists(content: bytes, problem: str) -> None:
    with pytest.raises(FileError, match=rf"x\.hkl: .*{problem}"):
        parse_reflections(content, "x.hkl")
    with pytest.raises(FileError, match=r"whose column is I; 'F' is not there"):
        parse_reflections(written(), "x.hkl", "F")
