"""Source lists: position, weight and wavelength of each point source of the beam."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nbjax.constants import HC_EV_A
from nbjax.errors import FileError
from nbjax.io.files import read_text
from nbjax.io.spectra import WAVELENGTHS_A, check_weights
from nbjax.quantities import QUANTITIES


@dataclass(frozen=True)
class SourceList:
    """Point sources; what a line leaves out is NaN, as the positions of a spectrum are.

    Attributes:
        positions_m: towards the source, shape (n, 3).
        weights: shape (n,).
        wavelengths_m: shape (n,).
    """

    positions_m: np.ndarray
    weights: np.ndarray
    wavelengths_m: np.ndarray

    @property
    def is_spectrum(self) -> bool:
        """Whether the sources have wavelengths and no positions."""
        return bool(np.isnan(self.positions_m).all() and not np.isnan(self.wavelengths_m).any())

    @property
    def mean_wavelength_m(self) -> float:
        """Mean wavelength by weight; NaN if none is known."""
        weights = np.where(np.isnan(self.weights), 1.0, self.weights)
        known = ~np.isnan(self.wavelengths_m) & (weights > 0)
        return float(np.average(self.wavelengths_m[known], weights=weights[known])) if known.any() else np.nan


def read_sources(path: str | Path, spectra: bool = True) -> SourceList:
    """Read lines of x y z weight wavelength (m); trailing columns may be left out, # begins a comment.

    Blanks, commas, semicolons, colons and exclamation marks separate columns; further columns are ignored. A file of
    two columns is a spectrum: wavelength in Angstrom or energy in eV, and weight; its sources have no position.

    Args:
        path: the file.
        spectra: whether two columns are a spectrum; the C program takes them for x and y.

    Raises:
        FileError: naming the line and what is wrong with it.
    """
    rows, widths = [], set()
    for number, line in enumerate(read_text(path).split("\n"), 1):
        words = line.split("#", 1)[0].translate(str.maketrans(",;:!", "    ")).split()
        if not words:
            continue
        place = f"{path}: line {number}"
        try:
            row = [float(word) for word in words[:5]]
        except ValueError:
            raise FileError(f"{place}: {line.strip()[:60]!r} is not numbers; give x y z weight wavelength") from None
        widths.add(len(words))
        rows.append((place, row + [np.nan] * (5 - len(row))))
    if not rows:
        raise FileError(f"{path}: holds no sources; each line needs x y z weight wavelength")
    if spectra and widths == {2}:
        return _spectrum(path, np.array([row[:2] for _, row in rows]))
    for place, row in rows:
        _check_source(place, row)
    table = np.array([row for _, row in rows])
    _check_weights(path, table[:, 3])
    return SourceList(table[:, :3], table[:, 3], table[:, 4])


def _check_source(place: str, row: list[float]) -> None:
    if np.isinf(row[:3]).any():
        raise FileError(f"{place}: the position is not finite; give it in metres")
    if row[:3] == [0.0, 0.0, 0.0]:
        raise FileError(f"{place}: the source lies at the sample; its position must not be 0 0 0")
    if row[3] < 0 or np.isinf(row[3]):
        raise FileError(f"{place}: weight {row[3]:g}; a weight must not be negative")
    wavelength = QUANTITIES["beam.wavelength_A"]
    if row[4] <= 0 or np.isinf(row[4]):
        raise FileError(f"{place}: wavelength {row[4]:g} m; a wavelength must be above zero")
    if not np.isnan(row[4]) and row[4] * 1e10 not in wavelength.hard:
        cure = f"if it is in A, give {row[4] * 1e-10:g}" if row[4] in wavelength.usual else "give it in metres"
        raise FileError(f"{place}: wavelength {row[4]:g} m; {cure}")


def _check_weights(path: str | Path, weights: np.ndarray) -> None:
    if np.nansum(np.where(np.isnan(weights), 1.0, weights)) <= 0:
        raise FileError(f"{path}: all weights are zero; at least one source must shine")


def _spectrum(path: str | Path, table: np.ndarray) -> SourceList:
    """Sources of a spectrum, in the order of the file."""
    colours, weights = table.T
    low, high = float(colours.min()), float(colours.max())
    check_weights(path, weights)
    if low in WAVELENGTHS_A and high in WAVELENGTHS_A:
        wavelengths_A = colours
    elif low in QUANTITIES["beam.energy_eV"].usual and high in QUANTITIES["beam.energy_eV"].usual:
        wavelengths_A = HC_EV_A / colours
    else:
        raise FileError(
            f"{path}: its two columns would be a spectrum, but {low:g} to {high:g} are neither wavelengths in Angstrom "
            "nor energies in eV; give one of them and the weight, or x y z weight wavelength (m) of each source"
        )
    return SourceList(np.full((len(table), 3), np.nan), weights, wavelengths_A * 1e-10)


def sources_text(sources: SourceList) -> str:
    """Lines that ``read_sources`` reads back bit by bit; nothing may be left out."""
    columns = np.column_stack([sources.positions_m, sources.weights, sources.wavelengths_m])
    return "".join(" ".join(repr(float(x)) for x in row) + "\n" for row in columns)
