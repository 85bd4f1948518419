from __future__ import annotations

from pathlib import Path

import gemmi
import numpy as np
import pytest

from nbjax.errors import FileError
from nbjax.reflections.calculation import Recipe, calculate

CELL = "CRYST1   30.000   40.000   50.000  90.00 100.00  90.00 P 1 2 1      2"
SITES = np.array([[3.0, 11.0, 7.0], [5.0, 12.5, 9.5], [8.0, 20.0, 16.0]])


def atom(number: int, position: np.ndarray, occupancy: float = 1.0) -> str:
    x, y, z = position
    return f"HETATM{number:5d}  O   HOH A{number:4d}    {x:8.3f}{y:8.3f}{z:8.3f}{occupancy:6.2f} 20.00           O"


def written(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join([*lines, "END", ""]))
    return path


def scale(matrix: np.ndarray) -> list[str]:
    return [
        f"SCALE{i + 1}    {row[0]:10.6f}{row[1]:10.6f}{row[2]:10.6f}        0.00000" for i, row in enumerate(matrix)
    ]


def fractional() -> np.ndarray:
    return np.array(gemmi.UnitCell(30, 40, 50, 90, 100, 90).frac.mat.tolist())


def amplitudes(path: Path) -> np.ndarray:
    return calculate(path, Recipe(4.0)).table.values


@pytest.mark.parametrize("turn", [np.eye(3)[[1, 2, 0]], gemmi.Mat33([[0.6, -0.8, 0], [0.8, 0.6, 0], [0, 0, 1]])])
def test_another_setting_of_the_axes_gives_the_same_crystal(turn: object, tmp_path: Path) -> None:
    turn = np.array(turn.tolist())
    plain = written(tmp_path / "plain.pdb", [CELL, *(atom(i, site) for i, site in enumerate(SITES, 1))])
    turned = [CELL, *scale(fractional() @ turn.T), *(atom(i, turn @ site) for i, site in enumerate(SITES, 1))]
    found, wanted = amplitudes(written(tmp_path / "turned.pdb", turned)), amplitudes(plain)
    assert np.abs(found - wanted).max() < 2e-3 * wanted.max()


def test_scale_records_of_another_cell_are_refused(tmp_path: Path) -> None:
    matrix = np.array(gemmi.UnitCell(34.77, 40, 50, 90, 100, 90).frac.mat.tolist())
    path = written(tmp_path / "stale.pdb", [CELL, *scale(matrix), atom(1, SITES[0])])
    with pytest.raises(FileError, match=r"stale\.pdb: CRYST1 has the cell 30 40 50 .* have 34\.771 .*delete the SCALE"):
        calculate(path, Recipe(4.0))


def test_a_small_difference_is_named_and_the_cell_taken(tmp_path: Path) -> None:
    matrix = np.array(gemmi.UnitCell(30.15, 40, 50, 90, 100, 90).frac.mat.tolist())
    path = written(tmp_path / "near.pdb", [CELL, *scale(matrix), *(atom(i, site) for i, site in enumerate(SITES, 1))])
    model = calculate(path, Recipe(4.0))
    assert ["CRYST1 is used" in sentence for sentence in model.warnings] == [True]
    assert model.cell.parameters[:3] == (30.0, 40.0, 50.0)


def test_a_mirrored_frame_is_refused(tmp_path: Path) -> None:
    mirror = fractional() @ np.diag([1.0, -1.0, 1.0])
    path = written(tmp_path / "mirror.pdb", [CELL, *scale(mirror), atom(1, SITES[0])])
    with pytest.raises(FileError, match=r"mirror\.pdb: .* mirror image"):
        calculate(path, Recipe(4.0))


@pytest.mark.parametrize("off_axis_A", [0.0, 0.2])
def test_an_atom_on_an_axis_counts_once(off_axis_A: float, tmp_path: Path) -> None:
    on_axis = np.array([off_axis_A, 11.0, 0.0])
    once = calculate(
        written(tmp_path / "once.pdb", [CELL, atom(1, np.array([0, 11.0, 0]), 0.5)]), Recipe(4.0, solvent=False)
    )
    full = calculate(written(tmp_path / "full.pdb", [CELL, atom(1, on_axis)]), Recipe(4.0, solvent=False))
    assert not once.warnings
    assert "1 atom lies on a special position" in full.warnings[0]
    np.testing.assert_allclose(full.table.values, once.table.values, atol=1e-3)
    # eight electrons of one oxygen in the cell, and those of no second one
    assert full.table.values.max() == pytest.approx(8.0, rel=0.1)


def test_an_atom_beside_an_axis_keeps_its_mates(tmp_path: Path) -> None:
    model = calculate(
        written(tmp_path / "two.pdb", [CELL, atom(1, np.array([0.6, 11.0, 0]))]), Recipe(4.0, solvent=False)
    )
    assert not model.warnings
    assert model.table.values.max() > 12
