"""Tables of structure factors against sin(theta) / wavelength, as nonBragg reads them, and of photons by the angle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from nbjax.errors import FileError
from nbjax.io.files import read_text

_FEWEST = 4
AXES = {"stol": 1.0, "4stol": 1 / 4, "Q": 1 / (4 * np.pi)}
"""Abscissa of a file -> what it is multiplied by to give sin(theta) / wavelength."""


@dataclass(frozen=True)
class StolTable:
    """A table.

    Attributes:
        stol_per_A: ascending.
        electrons: structure factor of one molecule.
    """

    stol_per_A: Float[np.ndarray, " n"]
    electrons: Float[np.ndarray, " n"]


def read_stol(path: str | Path, axis: str = "stol") -> StolTable:
    """The first two columns of a text file; a line without a second number has a structure factor of zero.

    Args:
        path: of the file. Empty lines and those that begin with # are passed over.
        axis: what the first column is, a key of ``AXES``.

    Raises:
        FileError: it cannot be read, a line is not numbers, or the abscissa does not ascend.
    """
    table = _two_columns(path, "give sin(theta)/wavelength in 1/Angstrom and a structure factor in electrons")
    return StolTable(table[:, 0] * AXES[axis], table[:, 1])


def read_profile(path: str | Path) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Scattering angles in degrees, ascending, and photons of a pixel there, in a file as for ``read_stol``.

    Raises:
        FileError: as there.
    """
    table = _two_columns(path, "give the scattering angle in degrees and the photons of a pixel")
    return table[:, 0], table[:, 1]


def _two_columns(path: str | Path, wanted: str) -> Float[np.ndarray, "n 2"]:
    rows: list[tuple[float, float]] = []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        words = line.replace(",", " ").replace(";", " ").split()
        if not words or words[0].startswith("#"):
            continue
        rows.append(_row(f"{path}: line {number}", line, words, wanted))
        if len(rows) > 1 and rows[-1][0] <= rows[-2][0]:
            problem = f"{rows[-1][0]:g} comes after {rows[-2][0]:g}; sort the lines by the first column"
            raise FileError(f"{path}: line {number}: {problem}")
    if len(rows) < _FEWEST:
        raise FileError(f"{path}: has {len(rows)} lines, a table needs {_FEWEST} or more; add lines")
    return np.array(rows)


def _row(place: str, line: str, words: list[str], wanted: str) -> tuple[float, float]:
    try:
        x, y = float(words[0]), float(words[1]) if len(words) > 1 else 0.0
    except ValueError:
        raise FileError(f"{place}: {line.strip()[:60]!r} is not numbers; {wanted}") from None
    y = 0.0 if np.isnan(y) else y
    if not np.isfinite([x, y]).all() or x < 0:
        raise FileError(f"{place}: {line.strip()[:60]!r} is not finite, or negative; {wanted}")
    return x, y
