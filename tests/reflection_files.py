"""Small reflection files of tests."""

from __future__ import annotations

from collections.abc import Sequence

import gemmi
import numpy as np

CELL = (30.0, 41.0, 52.0, 90.0, 90.0, 90.0)


def unique(space_group: str, cell: Sequence[float] = CELL, d_min: float = 6.0) -> np.ndarray:
    """Indices of an asymmetric unit, without absences."""
    group = gemmi.SpaceGroup(space_group)
    return gemmi.make_miller_array(gemmi.UnitCell(*cell), group, d_min)


def amplitudes(count: int, seed: int = 3) -> np.ndarray:
    return np.round(np.hypot(*np.random.default_rng(seed).normal(size=(2, count))) * 100 + 1, 2)


def mtz_bytes(
    miller: np.ndarray,
    columns: Sequence[tuple[str, str, np.ndarray]],
    space_group: str = "P 21 21 21",
    cell: Sequence[float] = CELL,
) -> bytes:
    """A merged MTZ; each column is (label, type, values)."""
    mtz = gemmi.Mtz(with_base=True)
    mtz.spacegroup = gemmi.SpaceGroup(space_group)
    mtz.set_cell_for_all(gemmi.UnitCell(*cell))
    mtz.add_dataset("made").wavelength = 0.98
    for label, kind, _ in columns:
        mtz.add_column(label, kind)
    mtz.set_data(np.column_stack([miller, *(values for _, _, values in columns)]).astype(np.float32))
    return mtz.write_to_bytes()
