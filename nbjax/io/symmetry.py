"""The symmetry of reflections: operators by the name of a space group, and what they ask of a cell."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import gemmi
import numpy as np


@dataclass(frozen=True)
class Symmetry:
    """Operators of a space group, or of a point group.

    Attributes:
        name: for the user, extended by the setting (``R 3:H``).
        operators: of the group.
        space_group: None where only the point group is known, and with it no systematic absence.
    """

    name: str
    operators: gemmi.GroupOps
    space_group: gemmi.SpaceGroup | None = None

    @cached_property
    def rotations(self) -> np.ndarray:
        """Matrices R, whole numbers, shape (m, 3, 3): ``h @ R`` is equivalent to the index ``h``."""
        return np.array([op.rot for op in self.operators.sym_ops], np.int64) // gemmi.Op.DEN

    @cached_property
    def translations(self) -> np.ndarray:
        """Vectors t in fractions of the axes, shape (m, 3): F(h @ R) = F(h) exp(-2 pi i h . t)."""
        return np.array([op.tran for op in self.operators.sym_ops], float) / gemmi.Op.DEN


TRIVIAL = Symmetry("P 1", gemmi.SpaceGroup("P 1").operations(), gemmi.SpaceGroup("P 1"))
"""That of a list whose file and user name no group."""


def symmetry_of(space_group: gemmi.SpaceGroup) -> Symmetry:
    """The symmetry of a space group in its setting."""
    return Symmetry(space_group.xhm(), space_group.operations(), space_group)


def symmetry_of_hall(symbol: str) -> Symmetry:
    """The symmetry of a Hall symbol; that of P 1 where it is empty or of a setting without a name."""
    found = gemmi.find_spacegroup_by_ops(gemmi.symops_from_hall(symbol)) if symbol else None
    return TRIVIAL if found is None else symmetry_of(found)


def is_number_of_group(word: str) -> bool:
    """Whether a word is a number from 1 to 230."""
    # digits of other scripts are digits to Python
    return word.isascii() and word.isdigit() and len(word) < 4 and 0 < int(word) < 231


def named_symmetry(name: str, cell: np.ndarray | None) -> Symmetry | None:
    """The symmetry of a space group by its Hermann-Mauguin symbol or its number; None where there is none.

    Args:
        name: such as ``P 43 21 2``, ``P43212``, ``R 3:R``, ``H3`` or ``96``.
        cell: whose angles decide the axes of a rhombohedral group that does not say them.
    """
    if is_number_of_group(name.strip()):
        name = gemmi.find_spacegroup_by_number(int(name)).hm
    alpha, gamma = (0.0, 0.0) if cell is None else (float(cell[3]), float(cell[5]))
    found = gemmi.find_spacegroup_by_name(name, alpha, gamma)
    return None if found is None else symmetry_of(found)
