"""Source lists: position, weight and wavelength of each point source of the beam."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nbjax.errors import FileError
from nbjax.io.files import read_text


@dataclass(frozen=True)
class SourceList:
    """Point sources; what a line leaves out is NaN.

    Attributes:
        positions_m: towards the source, shape (n, 3).
        weights: shape (n,).
        wavelengths_m: shape (n,).
    """

    positions_m: np.ndarray
    weights: np.ndarray
    wavelengths_m: np.ndarray


def read_sources(path: str | Path) -> SourceList:
    """Read lines of x y z weight wavelength (m); trailing columns may be left out, # begins a comment.

    Blanks, commas, semicolons, colons and exclamation marks separate columns; further columns are ignored.

    Raises:
        FileError: naming the line and what is wrong with it.
    """
    rows = []
    for number, line in enumerate(read_text(path).split("\n"), 1):
        words = line.split("#", 1)[0].translate(str.maketrans(",;:!", "    ")).split()
        if not words:
            continue
        place = f"{path}: line {number}"
        try:
            row = [float(word) for word in words[:5]]
        except ValueError:
            raise FileError(f"{place}: {line.strip()[:60]!r} is not numbers; give x y z weight wavelength") from None
        row += [np.nan] * (5 - len(row))
        if np.isinf(row[:3]).any():
            raise FileError(f"{place}: {line.strip()[:60]!r} is not finite; give the position in metres")
        if row[:3] == [0.0, 0.0, 0.0]:
            raise FileError(f"{place}: the source lies at the sample; its position must not be 0 0 0")
        if row[3] < 0 or np.isinf(row[3]):
            raise FileError(f"{place}: weight {row[3]:g}; a weight must not be negative")
        if row[4] <= 0 or np.isinf(row[4]):
            raise FileError(f"{place}: wavelength {row[4]:g} m; a wavelength must be above zero")
        rows.append(row)
    if not rows:
        raise FileError(f"{path}: holds no sources; each line needs x y z weight wavelength")
    table = np.array(rows)
    if np.nansum(np.where(np.isnan(table[:, 3]), 1.0, table[:, 3])) <= 0:
        raise FileError(f"{path}: all weights are zero; at least one source must shine")
    return SourceList(table[:, :3], table[:, 3], table[:, 4])


def sources_text(sources: SourceList) -> str:
    """Lines that ``read_sources`` reads back bit by bit; nothing may be left out."""
    columns = np.column_stack([sources.positions_m, sources.weights, sources.wavelengths_m])
    return "".join(" ".join(repr(float(x)) for x in row) + "\n" for row in columns)
