"""The whole sphere of indices from a list of reflections: equivalents, Friedel mates, absences, and what is missing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nbjax.config.tree import MissingReflections
from nbjax.errors import FileError
from nbjax.io.reflections.reflection_list import ReflectionList
from nbjax.io.symmetry import TRIVIAL, Symmetry, named_symmetry
from nbjax.reflections.expansion import absences, box_limits, check_symmetry, expand, fill_mates, inverse_d2
from nbjax.reflections.merging import merge
from nbjax.reflections.missing import fill_missing
from nbjax.reflections.shells import Shell, count_shells, unique_weights
from nbjax.reflections.table import StructureFactorTable

_ROUNDING = 1e-6


@dataclass(frozen=True)
class Sphere:
    """What a list becomes.

    Attributes:
        table: amplitudes on the box of all indices.
        shells: of the sphere to the shortest spacing of the list.
        given: entries of the table that have an amplitude, listed or filled in; boolean, shape of the table.
        remarks: what the user should know.
    """

    table: StructureFactorTable
    shells: tuple[Shell, ...]
    given: np.ndarray
    remarks: tuple[str, ...]


def whole_sphere(
    reflections: ReflectionList,
    symmetry: Symmetry,
    cell: np.ndarray,
    reciprocal_per_A: np.ndarray,
    missing: MissingReflections | None,
    default_F: float,
    name: str,
    resolution_A: float = 0.0,
) -> Sphere:
    """Amplitudes of every index to the shortest spacing of a list.

    Args:
        reflections: the list.
        symmetry: its space group.
        cell: lengths in Angstrom and angles in degrees, shape (6,).
        reciprocal_per_A: a*, b*, c* as rows in 1/Angstrom.
        missing: what reflections get that the sphere has and the list has not; None for ``default_F``.
        default_F: amplitude of what lies beyond the sphere.
        name: of the file, for messages.
        resolution_A: spacings below it are left out.

    Raises:
        FileError: cell and symmetry contradict each other, equivalents do, nothing is left, or ``missing`` is "error"
            and there are some.
    """
    check_symmetry(symmetry, cell, name)
    reflections = _within(reflections, reciprocal_per_A, resolution_A, name)
    farthest_per_A = float(np.linalg.norm(reflections.miller @ reciprocal_per_A, axis=1).max()) * (1 + _ROUNDING)
    limits = box_limits(reflections.miller, symmetry, cell, farthest_per_A)
    merged = merge(reflections, symmetry, limits, name)
    box = fill_mates(expand(merged.miller, merged.amplitude, symmetry, limits))
    squares = inverse_d2(limits, reciprocal_per_A)
    listed = np.isfinite(box)
    listed[limits] = False
    end = squares[listed].max(initial=0.0) * (1 + _ROUNDING)
    inside = squares <= end
    inside[limits] = False
    miller = np.argwhere(inside).astype(np.int32) - np.array(limits, np.int32)
    is_absent = absences(miller, symmetry)
    F, squares = box[inside], squares[inside]
    remarks = list(merged.remarks)
    extinct = is_absent & (F > 0)
    if extinct.any():
        count = _rounded(unique_weights(miller[extinct], symmetry))
        remarks.append(
            f"{name}: {count} of its reflections are systematically absent in {symmetry.name}, such as "
            f"{' '.join(map(str, miller[extinct][-1]))}; their amplitudes are 0"
        )
    present = np.isfinite(F) & ~is_absent
    numbers, shells = count_shells(miller, squares, symmetry, is_absent, present, F)
    F, said = fill_missing(np.where(is_absent, 0.0, F), present | is_absent, numbers, shells, missing, default_F, name)
    values, given = np.full(box.shape, float(default_F)), np.zeros(box.shape, bool)
    values[inside], given[inside] = F, (present | (F > 0)) & ~is_absent
    # the direct beam ends in the beam stop
    values[limits] = 0.0
    table = StructureFactorTable(values, (-limits[0], -limits[1], -limits[2]))
    return Sphere(table, shells, given, (*remarks, *said))


def choose_symmetry(
    reflections: ReflectionList, space_group: str | None, cell: np.ndarray, name: str
) -> tuple[Symmetry, tuple[str, ...]]:
    """The symmetry of a list: as given, that of its file, or none; and sentences about what is odd with it.

    Raises:
        FileError: there is no such space group.
    """
    own = reflections.symmetry
    if space_group is None:
        unknown = f"{name}: names no space group; P 1 is taken (crystal.space_group gives another)"
        return (TRIVIAL, (unknown,)) if own is None else (own, ())
    given = named_symmetry(space_group, cell)
    if given is None:
        raise FileError(
            f"{name}: crystal.space_group {space_group!r} is no known space group; give its Hermann-Mauguin symbol, as "
            "P 43 21 2 or R 3:H, or its number"
        )
    if own is not None and own.name != "P 1" and not own.operators.has_same_rotations(given.operators):
        return given, (f"{name}: is in {own.name}, another class than the given crystal.space_group {given.name}",)
    return given, ()


def _within(
    reflections: ReflectionList, reciprocal_per_A: np.ndarray, resolution_A: float, name: str
) -> ReflectionList:
    """The list to a resolution, without 0 0 0."""
    squares = ((reflections.miller @ reciprocal_per_A) ** 2).sum(axis=1)
    kept = squares > 0
    if resolution_A > 0:
        kept &= squares <= (1 + _ROUNDING) / resolution_A**2
    if not kept.any():
        to = f" to {resolution_A:g} A" if resolution_A > 0 else ""
        raise FileError(f"{name}: has no reflection{to}; give another file or a smaller spacing")
    return reflections.selected(kept)


def _rounded(weights: np.ndarray) -> int:
    return max(1, int(np.rint(weights.sum())))
