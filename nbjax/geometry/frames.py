"""Laboratories of programs, turned onto each other by what they share: the beam and the axis of rotation."""

from __future__ import annotations

import numpy as np

_PARALLEL = 1e-6


def turn_between(beam: np.ndarray, spindle: np.ndarray, to_beam: np.ndarray, to_spindle: np.ndarray) -> np.ndarray:
    """Rotation of a laboratory that takes its beam onto another one, and its spindle as near to that one's as it goes.

    Args:
        beam, spindle: directions in the one laboratory, shape (3,).
        to_beam, to_spindle: in the other.

    Returns:
        A matrix for column vectors, shape (3, 3); the identity, to the last bit, where nothing is to be turned.
    """
    pairs = ((beam, to_beam), (spindle, to_spindle))
    if all(np.array_equal(unit(mine), unit(theirs)) for mine, theirs in pairs):
        return np.eye(3)
    return _axes(to_beam, to_spindle) @ _axes(beam, spindle).T


def across(direction: np.ndarray, beam: np.ndarray) -> np.ndarray:
    """Unit vector across the beam, as near to a direction as it goes; any where that lies along the beam."""
    along = unit(beam)
    part = unit(direction) - (unit(direction) @ along) * along
    if np.linalg.norm(part) > _PARALLEL:
        # once more: of a direction close to the beam the first leaves few digits
        part = unit(part)
        return unit(part - (part @ along) * along)
    return across(np.eye(3)[np.argmin(np.abs(along))], beam)


def unit(vector: np.ndarray) -> np.ndarray:
    """The vector over its length."""
    return np.asarray(vector, float) / np.linalg.norm(vector)


def _axes(beam: np.ndarray, spindle: np.ndarray) -> np.ndarray:
    """Right-handed axes as columns: spindle across the beam, the third one, beam."""
    x, z = across(spindle, beam), unit(beam)
    return np.stack([x, np.cross(z, x), z], axis=1)
