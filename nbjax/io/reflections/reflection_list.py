"""A list of reflections, whatever file it came from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from nbjax.io.symmetry import Symmetry

Kind = Literal["amplitude", "intensity"]


@dataclass(frozen=True)
class ReflectionList:
    """Reflections in file order.

    Attributes:
        miller: indices, int32, shape (n, 3).
        values: in the units of the file, float64, shape (n,); NaN where there is none.
        kind: what the values are.
        column: where they stand in the file.
        as_listed: whether the list means what it lists and nothing else, as text of h k l F does; otherwise equivalent
            reflections and Friedel mates have the values of those that are listed.
        measured: whether the values were measured, so that their scale is the file's own.
        sigma: standard deviations of the values, shape (n,), or None.
        mates: values of -h -k -l, shape (n,), where the file tells the two apart; NaN where there is none.
        phases_deg: phases of the values, shape (n,), or None.
        friedel: whether listed Friedel mates are repeats of one value.
        cell: lengths in Angstrom and angles in degrees, shape (6,), or None.
        symmetry: that the file names, or None.
        wavelength_A: at which the values were measured, or None.
        remarks: what the user should know of the reading.
    """

    miller: np.ndarray
    values: np.ndarray
    kind: Kind = "amplitude"
    column: str = "F"
    as_listed: bool = False
    measured: bool = False
    sigma: np.ndarray | None = None
    mates: np.ndarray | None = None
    phases_deg: np.ndarray | None = None
    friedel: bool = False
    cell: np.ndarray | None = None
    symmetry: Symmetry | None = None
    wavelength_A: float | None = None
    remarks: tuple[str, ...] = ()

    def selected(self, kept: np.ndarray) -> ReflectionList:
        """The reflections that a boolean array of shape (n,) chooses."""
        arrays = {name: getattr(self, name) for name in ("miller", "values", "sigma", "mates", "phases_deg")}
        return replace(self, **{name: array[kept] for name, array in arrays.items() if array is not None})
