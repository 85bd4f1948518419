"""Whether a unit cell has the symmetry of a space group."""

from __future__ import annotations

import gemmi
import numpy as np
from jaxtyping import Float

_LARGEST_DIFFERENCE = 0.01


def cell_of(direct: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, "6"]:
    """Lengths and angles in degrees of direct vectors given as columns."""
    lengths = np.linalg.norm(direct, axis=0)
    cosines = (direct / lengths).T @ (direct / lengths)
    angles = np.degrees(np.arccos(np.clip(cosines[[1, 2, 0], [2, 0, 1]], -1, 1)))
    return np.concatenate([lengths, angles])


def difference_of_cells(one: Float[np.ndarray, "6"], other: Float[np.ndarray, "6"]) -> float:
    """The largest relative difference of lengths, or a hundredth of that of angles in degrees."""
    return float(max(np.abs(one[:3] / other[:3] - 1).max(), np.abs(one[3:] - other[3:]).max() / 100))


def contradicts(operators: gemmi.GroupOps, cell: gemmi.UnitCell) -> bool:
    """Whether an operator of a group turns the cell into one that differs by more than 1 %, or a degree."""
    own = np.array(cell.parameters)
    direct = np.array(gemmi.UnitCell(*cell.parameters).orth.mat.tolist())
    turns = (np.array(op.rot) / gemmi.Op.DEN for op in operators.sym_ops)
    return any(difference_of_cells(cell_of(direct @ turn), own) > _LARGEST_DIFFERENCE for turn in turns)
