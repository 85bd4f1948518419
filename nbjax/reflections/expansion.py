"""From one reflection of each set of equivalents to the whole sphere of indices."""

from __future__ import annotations

import math

import gemmi
import numpy as np

from nbjax.errors import FileError
from nbjax.io.space_group import contradicts
from nbjax.io.symmetry import Symmetry
from nbjax.reflections.table import check_box

_COPIES = 12
"""Of the box in memory, while reflections are expanded and counted."""


def box_limits(miller: np.ndarray, symmetry: Symmetry, cell: np.ndarray, farthest_per_A: float) -> tuple[int, int, int]:
    """Largest absolute h, k, l of reflections, their equivalents and the sphere around them.

    Args:
        miller: indices, shape (n, 3).
        symmetry: that makes equivalents.
        cell: lengths in Angstrom first.
        farthest_per_A: 1/d of the sphere.

    Raises:
        FileError: memory does not hold a table of so many indices.
    """
    largest = np.floor(cell[:3] * farthest_per_A).astype(np.int64)
    for rotation in symmetry.rotations:
        np.maximum(largest, np.abs(miller.astype(np.int64) @ rotation).max(axis=0, initial=0), out=largest)
    check_box(miller, -largest, largest, _COPIES)
    return int(largest[0]), int(largest[1]), int(largest[2])


def places(miller: np.ndarray, limits: tuple[int, int, int]) -> np.ndarray:
    """Place of each index in the flattened box from ``-limits`` to ``limits``; that of -h -k -l counts from its end."""
    _, rows, columns = (2 * limit + 1 for limit in limits)
    h, k, l = np.moveaxis(miller + np.array(limits), -1, 0)  # noqa: E741
    return (h * rows + k) * columns + l


def representatives(miller: np.ndarray, symmetry: Symmetry, limits: tuple[int, int, int]) -> np.ndarray:
    """One place that is the same for all equivalents, Friedel mates apart; int64, shape (n,)."""
    best = places(miller.astype(np.int64), limits)
    for rotation in symmetry.rotations[1:]:
        np.maximum(best, places(miller @ rotation, limits), out=best)
    return best


def expand(miller: np.ndarray, values: np.ndarray, symmetry: Symmetry, limits: tuple[int, int, int]) -> np.ndarray:
    """Values of reflections at all their equivalents.

    Args:
        miller: indices, shape (n, 3), no two of them equivalent.
        values: real, or complex with phases, shape (n,).
        symmetry: whose operators are applied.
        limits: of the box.

    Returns:
        Box from ``-limits`` to ``limits``, NaN where there is no value.
    """
    box = np.full([2 * limit + 1 for limit in limits], np.nan, values.dtype)
    for rotation, translation in zip(symmetry.rotations, symmetry.translations, strict=True):
        phased = values * np.exp(-2j * math.pi * (miller @ translation)) if np.iscomplexobj(values) else values
        box.flat[places(miller @ rotation, limits)] = phased
    return box


def fill_mates(box: np.ndarray) -> np.ndarray:
    """The box with what is missing taken from its Friedel mate."""
    return np.where(np.isnan(box), np.conj(box[::-1, ::-1, ::-1]), box)


def inverse_d2(limits: tuple[int, int, int], reciprocal_per_A: np.ndarray) -> np.ndarray:
    """1/d^2 in A^-2 of every index of the box; ``reciprocal_per_A`` has a*, b*, c* as rows."""
    h, k, l = np.ix_(*(np.arange(-limit, limit + 1.0) for limit in limits))  # noqa: E741
    g = reciprocal_per_A @ reciprocal_per_A.T
    squares = h * h * g[0, 0] + k * k * g[1, 1] + l * l * g[2, 2]
    return squares + 2 * (h * k * g[0, 1] + h * l * g[0, 2] + k * l * g[1, 2])


def absences(miller: np.ndarray, symmetry: Symmetry) -> np.ndarray:
    """Which reflections the symmetry extinguishes, boolean, shape (n,)."""
    return np.asarray(symmetry.operators.systematic_absences(np.ascontiguousarray(miller, np.int32)))


def check_symmetry(symmetry: Symmetry, cell: np.ndarray, name: str) -> None:
    """Make sure that a symmetry and a cell can be those of one crystal.

    Raises:
        FileError: the cell does not keep its shape under the operators.
    """
    if contradicts(symmetry.operators, gemmi.UnitCell(*map(float, cell))):
        shown = " ".join(f"{value:.5g}" for value in cell)
        axes = ""
        if symmetry.name.endswith(":H"):
            axes = f", or {symmetry.name[:-1]}R for rhombohedral axes"
        elif symmetry.name.endswith(":R"):
            axes = f", or {symmetry.name[:-1]}H for hexagonal axes"
        raise FileError(
            f"{name}: the space group {symmetry.name} does not allow the cell {shown}; give the crystal.space_group of "
            f"this cell{axes}"
        )
