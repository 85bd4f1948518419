"""Spacings of a table of structure factors."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from nbjax.geometry.unit_cell import standard_direct
from nbjax.reflections.table import StructureFactorTable


def spacings_of_table(
    table: StructureFactorTable, cell_A: tuple[float, ...], cell_deg: tuple[float, ...]
) -> Float[np.ndarray, " reflections"]:
    """Spacings in Angstrom of the reflections of a table that are not zero, infinite of 0 0 0."""
    hkl = np.argwhere(table.amplitudes) + table.minimum
    direct = np.asarray(standard_direct(np.array(cell_A), np.radians(cell_deg)))
    with np.errstate(divide="ignore"):
        return np.asarray(1 / np.linalg.norm(hkl @ np.linalg.inv(direct).T, axis=1))
