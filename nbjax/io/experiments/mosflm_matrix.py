"""MOSFLM-style orientation matrices."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np

from nbjax.errors import FileError
from nbjax.io.experiments.words import is_number
from nbjax.io.files import read_text
from nbjax.io.foreign import Content, refuse_foreign

_MISSET = slice(9, 12)
_OWN_U = slice(12, 21)
_OWN_CELL = slice(21, 27)
_ROUNDING = 0.01
"""What the digits of a file may leave open of a unit vector's length."""
_WANTED = "give nine numbers, lambda a*, lambda b* and lambda c* as columns"
_REMEDIES = {
    Content.REFLECTIONS: f"{_WANTED} (in the laboratory frame)",
    Content.COORDINATES: f"{_WANTED}, or give it as crystal.coordinates_file and the orientation as crystal.misset_deg",
    Content.EXPERIMENT: "give it as crystal.orientation_file",
    Content.UNSCALED: f"{_WANTED} (in the laboratory frame)",
    Content.IMAGE: f"{_WANTED} (in the laboratory frame)",
    Content.COMPRESSED: "unpack it",
}


@dataclass(frozen=True)
class OrientationMatrix:
    """An orientation matrix as its file has it.

    Attributes:
        columns: rows x, y, z; columns wavelength times a*, b*, c*; shape (3, 3).
        cell: lengths in Angstrom and angles in degrees that a whole MOSFLM file gives itself, shape (6,), or None.
        misset_deg: missetting angles of such a file, which are not part of the columns, shape (3,).
    """

    columns: np.ndarray
    cell: np.ndarray | None
    misset_deg: np.ndarray = field(default_factory=lambda: np.zeros(3))


_FUSED = re.compile(r"(\.\d+(?:[eE][-+]?\d+)?)(?=[-+]\d*\.\d)")
"""The end of a number that the sign of the next one follows, as in columns of a fixed width."""


def read_matrix(path: str | Path) -> OrientationMatrix:
    """The first nine numbers of a file, and the cell that a whole MOSFLM file gives itself.

    Such a file goes on with three angles, the rotation U, and the cell.

    Raises:
        FileError: fewer than nine numbers, something else among them, a singular matrix, or a file of XDS.
    """
    refuse_foreign(path, _REMEDIES)
    lines = read_text(path).split("\n")
    _refuse_xparm(path, lines)
    numbers: list[float] = []
    for number, line in enumerate(lines, 1):
        for word in _FUSED.sub(r"\1 ", line).split()[: 9 - len(numbers)]:
            try:
                numbers.append(float(word))
            except ValueError:
                raise FileError(
                    f"{path}: line {number}: {word[:40]!r} is not a number; an orientation matrix begins with nine"
                ) from None
            if not np.isfinite(numbers[-1]):
                raise FileError(f"{path}: line {number}: {word[:40]!r} is not finite; write the matrix again")
    if len(numbers) < 9:
        raise FileError(f"{path}: holds {len(numbers)} numbers; an orientation matrix begins with nine")
    matrix = np.array(numbers).reshape(3, 3)
    scale = float(np.prod(np.linalg.norm(matrix, axis=0)))
    if abs(float(np.linalg.det(matrix))) <= 1e-9 * scale:
        raise FileError(f"{path}: its three columns lie in a plane; they must be lambda a*, lambda b*, lambda c*")
    found = leading_numbers(lines)
    cell = _own_cell(found)
    return OrientationMatrix(matrix, cell, np.zeros(3) if cell is None else np.array(found[_MISSET]))


def _refuse_xparm(path: str | Path, lines: list[str]) -> None:
    """An XPARM of XDS begins with its name, or with a frame number, phi, its step and a unit rotation axis.

    Its second line is the wavelength and a beam vector of length 1/wavelength.
    """
    first, second = (leading_numbers([line]) for line in [*lines, ""][:2])
    is_xparm = "XPARM" in lines[0].upper()
    if len(first) == 6 and len(second) == 4:
        axis, beam = np.linalg.norm(first[3:]), np.linalg.norm(second[1:])
        is_xparm = bool(abs(axis - 1) < _ROUNDING and abs(beam * second[0] - 1) < _ROUNDING)
    if is_xparm:
        raise FileError(
            f"{path}: is a parameter file of XDS (XPARM), not an orientation matrix; give it as "
            "crystal.orientation_file"
        )


def leading_numbers(lines: list[str]) -> list[float]:
    """Finite numbers of lines up to the first word that is none."""
    found: list[float] = []
    for word in chain.from_iterable(_FUSED.sub(r"\1 ", line).split() for line in lines):
        if not is_number(word):
            break
        found.append(float(word))
    return found


def _own_cell(numbers: list[float]) -> np.ndarray | None:
    if len(numbers) < _OWN_CELL.stop:
        return None
    rotation, own = np.array(numbers[_OWN_U]).reshape(3, 3), np.array(numbers[_OWN_CELL])
    is_mosflm = np.allclose(rotation @ rotation.T, np.eye(3), atol=_ROUNDING) and own.min() > 0
    return own if is_mosflm else None
