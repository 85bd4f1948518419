"""Resolution of the unit cell and its orientation, from whatever tells of them: keys, coordinates, a matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nbjax.config.tree import Crystal
from nbjax.geometry.unit_cell import cell_of, setting_of, standard_direct
from nbjax.io.experiments.mosflm_matrix import OrientationMatrix, read_matrix
from nbjax.io.space_group import difference_of_cells
from nbjax.resolve.notes import Notes

_RIGHT_ANGLES = (90.0, 90.0, 90.0)
_LARGEST_DIFFERENCE = 0.01
"""Relative, of lengths; a degree for angles. Cells that differ by more are not those of one crystal."""
_NAMED_DIFFERENCE = 0.001
_WITH_CELL = ("crystal.coordinates_file", "crystal.reflections_file")


@dataclass(frozen=True)
class Setting:
    """Lengths in Angstrom and angles in degrees of the cell, and its rotation from the standard setting, (3, 3)."""

    cell_A: tuple[float, float, float]
    cell_deg: tuple[float, float, float]
    orientation: np.ndarray


def reciprocal_of(setting: Setting) -> np.ndarray:
    """a*, b*, c* of the cell in its standard setting as rows in 1/Angstrom, shape (3, 3)."""
    direct = np.asarray(standard_direct(np.array(setting.cell_A), np.radians(setting.cell_deg)))
    return np.linalg.inv(direct).T


@dataclass(frozen=True)
class KnownCell:
    """Lengths in Angstrom and angles in degrees, (6,), that a file of structure factors tells, and its key."""

    cell: np.ndarray
    key: str

    @property
    def owner(self) -> str:
        """What the cell is of, for messages."""
        return "the coordinates" if self.key == "crystal.coordinates_file" else "the reflections"


def resolve_cell(
    crystal: Crystal,
    wavelength_A: float,
    model: KnownCell | None,
    oriented: np.ndarray | None,
    lenient: bool,
    notes: Notes,
) -> Setting:
    """The cell and its orientation; what tells of the same cell is compared.

    A given cell comes before that of the coordinates or reflections, and either before a matrix or the file of an
    orientation, whose vectors are rescaled to its lengths; their angles come first, and their orientation.

    Args:
        crystal: what was said.
        wavelength_A: of the beam.
        model: the cell of the coordinates or reflections.
        oriented: vectors of ``crystal.orientation_file`` as rows in Angstrom, shape (3, 3), or None.
        lenient: warn of contradictions, as for the C program, which takes them; otherwise they are faults.
        notes: takes faults and warnings.
    """
    model_cell, name = (None, "") if model is None else (model.cell, model.key)
    cell = model_cell
    if model_cell is not None:
        notes.record("crystal.cell_A", tuple(map(float, model_cell[:3])), name)
        notes.record("crystal.cell_deg", tuple(map(float, model_cell[3:])), name)
    if crystal.cell_A is not None:
        angles = _given_angles(crystal, model_cell, notes)
        given = np.array([*crystal.cell_A, *angles])
        _check_angles(given[3:], notes)
        if model is not None:
            remedy = f"leave crystal.cell_A out, or give {model.owner} of this crystal"
            _compare("crystal.cell_A", given, model.cell, f"that of {model.owner} is", remedy, lenient, notes)
        cell, name = given, "given"
    elif crystal.cell_deg is not None:
        notes.fault("crystal.cell_deg", "given without crystal.cell_A; give the lengths too")
    if crystal.matrix_wavelength_A is not None and crystal.matrix_file is None:
        notes.warn("crystal.matrix_wavelength_A has no effect without crystal.matrix_file")
    orientation: np.ndarray = np.eye(3)
    direct, key = oriented, "crystal.orientation_file"
    if crystal.matrix_file is not None:
        notes.given("crystal.matrix_file", crystal.matrix_file)
        matrix = read_matrix(crystal.matrix_file)
        direct, key = _direct_vectors(crystal, matrix, wavelength_A, lenient, notes), "crystal.matrix_file"
    if direct is not None:
        lengths, angles_rad, orientation = setting_of(direct, getattr(crystal, key.partition(".")[2]))
        own = np.array([*lengths, *np.degrees(angles_rad)])
        if cell is None:
            origin = f"{key}, wavelength" if oriented is None else key
            notes.record("crystal.cell_A", tuple(map(float, lengths)), origin)
        else:
            known = cell.copy()
            if crystal.cell_A is not None and crystal.cell_deg is None and model_cell is None:
                known[3:] = own[3:]
            written_A = _written_at(crystal, wavelength_A) if oriented is None else None
            whose = "the given one is" if crystal.cell_A is not None or model is None else f"that of {model.owner} is"
            _compare_matrix(key, own, known, whose, written_A, lenient, notes)
            what = "matrix" if oriented is None else "orientation"
            notes.record("crystal.cell_A", tuple(map(float, cell[:3])), f"{name}; the {what} is rescaled to it")
        cell = np.array([*(own if cell is None else cell)[:3], *own[3:]])
        notes.record("crystal.cell_deg", tuple(map(float, own[3:])), key)
    if cell is None:
        # the cell is in a file that was refused already
        if any(fault.key in _WITH_CELL for fault in notes.faults):
            return Setting((1.0, 1.0, 1.0), _RIGHT_ANGLES, orientation)
        keys = "crystal.cell_A, crystal.matrix_file, crystal.orientation_file, crystal.coordinates_file"
        notes.fault("crystal.cell_A", f"missing; give {keys} or a crystal.reflections_file that has a cell")
        return Setting((1.0, 1.0, 1.0), _RIGHT_ANGLES, orientation)
    _check_angles(cell[3:], notes)
    a, b, c, alpha, beta, gamma = map(float, cell)
    return Setting((a, b, c), (alpha, beta, gamma), orientation)


def _given_angles(crystal: Crystal, model_cell: np.ndarray | None, notes: Notes) -> tuple[float, ...]:
    notes.given("crystal.cell_A", crystal.cell_A)
    if crystal.cell_deg is None and model_cell is not None:
        return tuple(map(float, model_cell[3:]))
    return notes.choose("crystal.cell_deg", crystal.cell_deg, _RIGHT_ANGLES)


def _direct_vectors(
    crystal: Crystal, matrix: OrientationMatrix, wavelength_A: float, lenient: bool, notes: Notes
) -> np.ndarray:
    """Direct vectors as rows in Angstrom, by the wavelength that the matrix was written at."""
    written_A = _written_at(crystal, wavelength_A)
    if crystal.matrix_wavelength_A is not None:
        notes.given("crystal.matrix_wavelength_A", crystal.matrix_wavelength_A)
    if matrix.cell is not None:
        lengths, angles_rad = cell_of(np.linalg.inv(matrix.columns))
        own_A = float(np.mean(matrix.cell[:3] / lengths))
        own = np.array([*(lengths * own_A), *np.degrees(angles_rad)])
        if _difference(own, matrix.cell) > _LARGEST_DIFFERENCE:
            problem = (
                f"{crystal.matrix_file} gives the cell {_shown(matrix.cell)}, which its first nine numbers have at no "
                "wavelength; write it again, or leave only the nine numbers in it"
            )
            _contradict("crystal.matrix_file", problem, lenient, notes)
        elif abs(own_A / written_A - 1) > _NAMED_DIFFERENCE:
            found = f"by the cell in it, {crystal.matrix_file} was written at {own_A:.5g} A, not at {written_A:.5g} A"
            if lenient or crystal.matrix_wavelength_A is not None:
                notes.warn(f"{found}; {written_A:.5g} A is used")
            else:
                notes.warn(f"{found}; it is read so (crystal.matrix_wavelength_A overrides)")
                notes.record("crystal.matrix_wavelength_A", own_A, "cell in crystal.matrix_file")
                written_A = own_A
    return np.linalg.inv(matrix.columns.T / written_A).T


def _written_at(crystal: Crystal, wavelength_A: float) -> float:
    return wavelength_A if crystal.matrix_wavelength_A is None else crystal.matrix_wavelength_A


def _compare_matrix(
    key: str,
    own: np.ndarray,
    known: np.ndarray,
    whose: str,
    wavelength_A: float | None,
    lenient: bool,
    notes: Notes,
) -> None:
    """Compare the cell of a matrix with one that is known, and look for what could have gone wrong."""
    ratio = float(np.mean(known[:3] / own[:3]))
    stretched = np.array([*(own[:3] * ratio), *own[3:]])
    remedy = "give the matrix of this crystal" if wavelength_A is not None else "give the file of this crystal"
    if wavelength_A is not None and _difference(stretched, known) < _LARGEST_DIFFERENCE / 2:
        written_A = wavelength_A * ratio
        remedy = f"if it was written at {written_A:.5g} A, give crystal.matrix_wavelength_A = {written_A:.5g}"
    elif np.allclose(np.sort(own[:3]), np.sort(known[:3]), rtol=_LARGEST_DIFFERENCE):
        remedy = "its axes are in another order; index it like the structure factors"
    _compare(key, own, known, whose, remedy, lenient, notes)


def _compare(
    key: str, cell: np.ndarray, known: np.ndarray, whose: str, remedy: str, lenient: bool, notes: Notes
) -> None:
    difference = _difference(cell, known)
    sentence = f"its cell is {_shown(cell)}, {whose} {_shown(known)}"
    if difference > _LARGEST_DIFFERENCE:
        _contradict(key, f"{sentence}; {remedy}", lenient, notes)
    elif difference > _NAMED_DIFFERENCE:
        notes.warn(f"{key}: {sentence}")


def _contradict(key: str, problem: str, lenient: bool, notes: Notes) -> None:
    if lenient:
        notes.warn(f"{key}: {problem}")
    else:
        notes.fault(key, problem)


def _difference(cell: np.ndarray, known: np.ndarray) -> float:
    """Largest relative difference of lengths, or difference of angles in units of 100 degrees."""
    if not (np.isfinite(known).all() and (known[:3] > 0).all()):
        return 0.0
    return difference_of_cells(cell, known)


def _shown(cell: np.ndarray) -> str:
    return " ".join(f"{value:.5g}" for value in cell)


def _check_angles(angles: np.ndarray, notes: Notes) -> None:
    alpha, beta, gamma = angles
    possible = (angles > 0).all() and (angles < 180).all() and alpha + beta + gamma < 360
    if not possible or 2 * angles.max() >= angles.sum():
        notes.fault(
            "crystal.cell_deg",
            f"got {alpha:g} {beta:g} {gamma:g}, no cell has these angles; each must be above 0 and below the sum of "
            "the other two, and their sum below 360",
        )
