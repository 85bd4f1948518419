"""Resolution of ``crystal.orientation_file``: the crystal of a processing program in the configuration's laboratory."""

from __future__ import annotations

import numpy as np

from nbjax.config.tree import Config
from nbjax.errors import FileError
from nbjax.geometry.conventions import CONVENTIONS
from nbjax.geometry.frames import turn_between, unit
from nbjax.io.experiments import read_experiment
from nbjax.io.experiments.recorded import RecordedExperiment
from nbjax.resolve.notes import Notes

_KEY = "crystal.orientation_file"
_BEAM_DEG = 1.0
"""Beams that are further apart are not those of one laboratory."""
_SPINDLE_DEG = 0.1
_WAVELENGTH = 0.01


def read_orientation(config: Config, wavelength_A: float, notes: Notes) -> np.ndarray | None:
    """Cell vectors of the crystal of ``crystal.orientation_file``, or None where none is named.

    Under a named convention the beam of the file is turned onto the convention's, and its axis of rotation as near to
    the convention's as it goes. Under ``custom`` the file's own laboratory is that of the configuration.

    Args:
        config: what was said.
        wavelength_A: of the beam.
        notes: takes faults and warnings.

    Returns:
        a, b, c as rows in Angstrom, shape (3, 3).

    Raises:
        FileError: the file cannot be read, or tells of no orientation.
    """
    name = config.crystal.orientation_file
    if name is None:
        return None
    notes.given(_KEY, name)
    if config.crystal.matrix_file is not None:
        notes.fault(_KEY, "given together with crystal.matrix_file; leave one of them out")
    found = read_experiment(name)
    if found.crystal is None or found.crystal.direct_A is None:
        raise FileError(f"{found.file}: {_without_orientation(found)}")
    measured_A = found.beam.wavelength_A
    if measured_A is not None and abs(measured_A / wavelength_A - 1) > _WAVELENGTH:
        notes.warn(f"{_KEY}: its data were measured at {measured_A:.5g} A, beam.wavelength_A is {wavelength_A:.5g}")
    return found.crystal.direct_A @ _turn(found, config, notes).T


def _without_orientation(found: RecordedExperiment) -> str:
    if found.crystal is None:
        return "tells of no crystal; give a file that indexing or refinement wrote"
    cell = found.crystal.cell
    lengths = "" if cell is None else f" as crystal.cell_A = [{', '.join(f'{length:.6g}' for length in cell[:3])}]"
    return f"tells of a cell, but of no orientation; give the cell{lengths} and crystal.cell_deg"


def _turn(found: RecordedExperiment, config: Config, notes: Notes) -> np.ndarray:
    """From the file's laboratory to the configuration's."""
    beam, spindle = found.beam_axis, found.spindle_axis
    if beam is None or spindle is None:
        return np.eye(3)
    convention = CONVENTIONS[config.detector.convention]
    if config.detector.convention == "custom":
        own = np.array(config.beam.direction or convention.beam, float)
        if np.linalg.norm(own) > 0 and _angle_deg(own, beam) > _BEAM_DEG:
            notes.fault(
                _KEY,
                f"under the custom convention the laboratory is that of {found.file}, where the beam runs along "
                f"{_shown(beam)}, and beam.direction is {_shown(own)}; describe beam and detector in that laboratory, "
                "as nbjax import does, or use a named convention",
            )
        return np.eye(3)
    theirs = _angle_deg(beam, spindle)
    ours = _angle_deg(np.array(convention.beam), np.array(convention.spindle_axis))
    if found.scan is not None and abs(theirs - ours) > _SPINDLE_DEG:
        notes.warn(
            f"{_KEY}: its axis of rotation is {theirs:.4g} degrees from the beam, that of the "
            f"{config.detector.convention} convention {ours:g}; nbjax import writes the whole geometry"
        )
    return turn_between(beam, spindle, np.array(convention.beam), np.array(convention.spindle_axis))


def _angle_deg(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.degrees(np.arccos(np.clip(unit(one) @ unit(other), -1.0, 1.0))))


def _shown(direction: np.ndarray) -> str:
    return " ".join(f"{value + 0.0:.4g}" for value in unit(direction))
