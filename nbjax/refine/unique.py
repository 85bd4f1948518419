"""The reflections that a space group leaves apart, and which of them each index of a table is."""

from __future__ import annotations

from dataclasses import dataclass

import gemmi
import numpy as np
from jaxtyping import Bool, Float, Int

from nbjax.io.symmetry import Symmetry
from nbjax.reflections.expansion import box_limits, places

_MOST_SHELLS, _IN_A_SHELL = 10, 40
NONE = -1


@dataclass(frozen=True)
class Unique:
    """Reflections in the asymmetric unit of CCP4; with mates apart, those of -h -k -l after them.

    Attributes:
        symmetry: the group.
        cell: lengths in Angstrom and angles in degrees.
        hkl: in the asymmetric unit.
        minus: whether a row is the mate of its hkl.
        centric: whether a reflection is its own mate.
        epsilon: how many times its mean intensity is that of the others.
        spacing_A: d.
        shell: number of its shell of resolution, 0 for the longest spacings; as many reflections are in each.
        numbers: row of each index from ``-limits`` to ``limits``, ``NONE`` where it is absent or beyond.
    """

    symmetry: Symmetry
    cell: Float[np.ndarray, "6"]
    hkl: Int[np.ndarray, "n 3"]
    minus: Bool[np.ndarray, " n"]
    centric: Bool[np.ndarray, " n"]
    epsilon: Float[np.ndarray, " n"]
    spacing_A: Float[np.ndarray, " n"]
    shell: Int[np.ndarray, " n"]
    numbers: Int[np.ndarray, "h k l"]

    def __len__(self) -> int:
        return len(self.hkl)

    @property
    def limits(self) -> tuple[int, int, int]:
        """Largest indices of ``numbers``."""
        h, k, l = (size // 2 for size in self.numbers.shape)  # noqa: E741
        return h, k, l

    @property
    def shells(self) -> int:
        """How many there are."""
        return int(self.shell.max(initial=0)) + 1

    def of(self, hkl: Int[np.ndarray, "m 3"]) -> Int[np.ndarray, " m"]:
        """Rows of any indices; ``NONE`` for others."""
        limits = np.array(self.limits)
        inside = (np.abs(hkl) <= limits).all(1)
        found = self.numbers[tuple((np.where(inside[:, None], hkl, 0) + limits).T)]
        return np.where(inside, found, NONE)

    def table(self, values: Float[np.ndarray, " n"], other: float) -> Float[np.ndarray, "h k l"]:
        """Values of rows at all indices; ``other`` where there is no row."""
        return np.where(self.numbers >= 0, values[self.numbers], other)


def unique_reflections(
    symmetry: Symmetry, cell: Float[np.ndarray, "6"], shortest_A: float, mates_apart: bool
) -> Unique:
    """All of them to a resolution.

    Args:
        symmetry: the group.
        cell: lengths in Angstrom and angles in degrees.
        shortest_A: d of the last ones.
        mates_apart: whether Friedel mates are two reflections.

    Raises:
        FileError: memory does not hold a table of so many indices.
    """
    none = np.zeros((0, 3), int)
    limits = box_limits(none, symmetry, cell, 1 / shortest_A)
    group = symmetry.space_group or gemmi.SpaceGroup("P 1")
    unit_cell = gemmi.UnitCell(*map(float, cell))
    hkl = gemmi.make_miller_array(unit_cell, group, shortest_A).astype(np.int32)
    hkl = hkl[(np.abs(hkl) <= np.array(limits)).all(1)]
    centric = np.asarray(symmetry.operators.centric_flag_array(hkl), bool)
    acentric = np.flatnonzero(~centric)
    count = len(hkl)
    box = np.full([2 * limit + 1 for limit in limits], NONE)
    mate = np.arange(count)
    if mates_apart:
        mate[acentric] = count + np.arange(len(acentric))
    for sign, numbers in ((-1, mate), (1, np.arange(count))):
        for rotation in symmetry.rotations:
            box.flat[places(sign * hkl.astype(np.int64) @ rotation, limits)] = numbers
    rows = np.concatenate([np.arange(count), acentric]) if mates_apart else np.arange(count)
    spacing = np.asarray(unit_cell.calculate_d_array(hkl), float)
    size = int(np.clip(count // _IN_A_SHELL, 1, _MOST_SHELLS))
    shell = np.empty(count, int)
    shell[np.argsort(-spacing, kind="stable")] = np.arange(count) * size // max(count, 1)
    epsilon = np.asarray(symmetry.operators.epsilon_factor_array(hkl), float)
    return Unique(
        symmetry=symmetry,
        cell=np.asarray(cell, float),
        hkl=hkl[rows].astype(int),
        minus=np.arange(len(rows)) >= count,
        centric=centric[rows],
        epsilon=epsilon[rows] / epsilon.min(initial=np.inf),
        spacing_A=spacing[rows],
        shell=shell[rows],
        numbers=box,
    )
