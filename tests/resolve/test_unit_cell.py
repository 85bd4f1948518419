"""The cell from keys, coordinates and matrices, and what is said where they tell of different crystals."""

from __future__ import annotations

from pathlib import Path

import gemmi
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import nbjax
from nbjax.config.tree import Beam, Config, Crystal
from nbjax.errors import ConfigError
from nbjax.geometry.unit_cell import standard_direct
from nbjax.resolve import Resolved, resolve

ERL = str(Path(nbjax.__file__).parent / "data" / "2erl.pdb")
ERL_CELL = (53.91, 23.1, 23.1, 90.0, 110.4, 90.0)
CELL = (40.0, 50.0, 70.0, 90.0, 95.0, 90.0)
TURN = Rotation.from_rotvec([0.3, -0.7, 0.4]).as_matrix()


def matrix(cell: tuple[float, ...], wavelength_A: float = 1.0) -> np.ndarray:
    direct = np.asarray(standard_direct(np.array(cell[:3]), np.radians(cell[3:]))) @ TURN.T
    return wavelength_A * np.linalg.inv(direct)


def nine_numbers(path: Path, cell: tuple[float, ...], wavelength_A: float = 1.0) -> str:
    np.savetxt(path, matrix(cell, wavelength_A), fmt="%.9f")
    return str(path)


def whole_file(path: Path, cell: tuple[float, ...], wavelength_A: float) -> str:
    b = np.array(gemmi.UnitCell(*cell).frac.mat.tolist()).T
    own = (*cell[:2], cell[2], *cell[3:])
    lines = [matrix(cell, wavelength_A), np.zeros((1, 3)), matrix(cell) @ np.linalg.inv(b), np.reshape(own, (2, 3))]
    path.write_text("\n".join(" ".join(f"{x:.8f}" for x in row) for rows in lines for row in rows))
    return str(path)


def resolved(crystal: Crystal, **more: object) -> Resolved:
    return resolve(Config(Beam(wavelength_A=1.0), crystal, **more))  # type: ignore[arg-type]


def fault(crystal: Crystal) -> tuple[str, str]:
    with pytest.raises(ConfigError) as caught:
        resolved(crystal)
    (found,) = caught.value.faults
    return found.key, found.problem


def test_a_matrix_of_another_wavelength_beside_a_cell(tmp_path: Path) -> None:
    name = nine_numbers(tmp_path / "a.mat", CELL, 0.9)
    given = Crystal(matrix_file=name, cell_A=CELL[:3], cell_deg=CELL[3:], default_F=1.0)
    key, problem = fault(given)
    assert key == "crystal.matrix_file"
    assert "if it was written at 0.9 A, give crystal.matrix_wavelength_A = 0.9" in problem
    right = resolved(Crystal(matrix_file=name, matrix_wavelength_A=0.9, default_F=1.0))
    assert (*right.crystal.cell_A, *right.crystal.cell_deg) == pytest.approx(CELL, abs=1e-4)
    np.testing.assert_allclose(right.crystal.orientation, TURN, atol=1e-6)


def test_a_whole_mosflm_file_gives_its_wavelength_away(tmp_path: Path) -> None:
    found = resolved(Crystal(matrix_file=whole_file(tmp_path / "a.mat", CELL, 0.9), default_F=1.0))
    assert (*found.crystal.cell_A, *found.crystal.cell_deg) == pytest.approx(CELL, abs=1e-3)
    assert "was written at 0.9 A, not at 1 A" in found.warnings[0]
    assert found.notes["crystal.matrix_wavelength_A"][0] == pytest.approx(0.9, abs=1e-5)
    same = resolved(Crystal(matrix_file=whole_file(tmp_path / "b.mat", CELL, 1.0), default_F=1.0))
    assert not any("was written" in sentence for sentence in same.warnings)


def test_nine_numbers_that_are_not_of_their_own_cell(tmp_path: Path) -> None:
    name = Path(whole_file(tmp_path / "a.mat", CELL, 1.0))
    name.write_text(name.read_text().replace("70.00000000", "90.00000000"))
    assert "at no wavelength" in fault(Crystal(matrix_file=str(name), default_F=1.0))[1]


@pytest.mark.parametrize(
    ("cell", "wavelength_A", "remedy"),
    [
        ((79.1, 79.1, 38.0, 90.0, 90.0, 90.0), 1.0, "give the matrix of this crystal"),
        (ERL_CELL, 1.2, "crystal.matrix_wavelength_A = 1.2"),
        ((23.1, 23.1, 53.91, 90.0, 90.0, 110.4), 1.0, "its axes are in another order"),
    ],
)
def test_a_matrix_beside_coordinates(cell: tuple[float, ...], wavelength_A: float, remedy: str, tmp_path: Path) -> None:
    name = nine_numbers(tmp_path / "a.mat", cell, wavelength_A)
    key, problem = fault(Crystal(matrix_file=name, coordinates_file=ERL, coordinates_resolution_A=6.0))
    assert key == "crystal.matrix_file"
    assert "that of the coordinates is 53.91 23.1 23.1 90 110.4 90" in problem
    assert remedy in problem


def test_a_given_cell_beside_coordinates() -> None:
    model = Crystal(coordinates_file=ERL, coordinates_resolution_A=6.0)
    key, problem = fault(Crystal(**{**vars(model), "cell_A": (60.0, 23.1, 23.1)}))
    assert key == "crystal.cell_A"
    assert problem.startswith("its cell is 60 23.1 23.1 90 110.4 90, that of the coordinates is 53.91")
    near = resolved(Crystal(**{**vars(model), "cell_A": (54.1, 23.1, 23.1)}))
    assert near.crystal.cell_deg == pytest.approx((90.0, 110.4, 90.0))
    assert sum("that of the coordinates" in sentence for sentence in near.warnings) == 1


def test_impossible_angles_beside_a_matrix(tmp_path: Path) -> None:
    name = nine_numbers(tmp_path / "a.mat", CELL)
    given = Crystal(matrix_file=name, cell_A=CELL[:3], cell_deg=(200.0, 90.0, 90.0), default_F=1.0)
    with pytest.raises(ConfigError, match=r"cell_deg: got 200 90 90, must be above 0, below 180"):
        resolved(given)


def test_the_c_program_takes_what_contradicts(tmp_path: Path) -> None:
    crystal = Crystal(matrix_file=nine_numbers(tmp_path / "a.mat", CELL, 0.9), cell_A=CELL[:3], default_F=1.0)
    found = resolved(crystal, parity=("phi_carryover",))
    assert found.crystal.cell_A == CELL[:3]
    assert any("crystal.matrix_wavelength_A = 0.9" in sentence for sentence in found.warnings)
