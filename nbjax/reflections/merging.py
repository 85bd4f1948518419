"""One value for each set of equivalent reflections."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from nbjax.errors import FileError
from nbjax.io.reflections.reflection_list import ReflectionList
from nbjax.io.symmetry import Symmetry
from nbjax.reflections.expansion import representatives

_ALIKE = 1e-3
"""Relative difference of repeats that are one value, rounded."""
_LARGEST = 1e30
_LEAST_WEIGHT = 1e-6
_LARGEST_R = 0.4
"""Of intensities that are not equivalent R is 0.5 for pairs (Wilson statistics, acentric) and more for larger sets."""
_SIGNIFICANT = 3.0
"""Means over their standard deviation that tell of symmetry."""


@dataclass(frozen=True)
class Merged:
    """One amplitude for each set of equivalents, Friedel mates apart.

    Attributes:
        miller: indices, int64, shape (n, 3).
        amplitude: float64, shape (n,), finite and not negative.
        negative: how many intensities below zero became 0.
        remarks: what the user should know.
    """

    miller: np.ndarray
    amplitude: np.ndarray
    negative: int
    remarks: tuple[str, ...]


def merge(reflections: ReflectionList, symmetry: Symmetry, limits: tuple[int, int, int], name: str) -> Merged:
    """Average equivalent reflections, weighted by their standard deviations where all have them.

    Args:
        reflections: measured or calculated, amplitudes or intensities.
        symmetry: whose operators make equivalents.
        limits: of the box of all equivalents.
        name: of the file, for messages.

    Raises:
        FileError: no reflection has a value, a value is infinite, or equivalents contradict each other.
    """
    miller, values, weights, sigma = _observations(reflections, symmetry, limits, name)
    groups, first, member = np.unique(representatives(miller, symmetry, limits), return_index=True, return_inverse=True)
    count = np.bincount(member)
    total = np.bincount(member, weights)
    mean = np.bincount(member, weights * values) / total
    remarks = _compare(reflections, name, miller, values, mean, sigma / np.sqrt(total), member, count, symmetry)
    negative = 0
    if reflections.kind == "intensity":
        negative = int((mean < 0).sum())
        if negative:
            remarks = (
                *remarks,
                f"{name}: {negative} intensities of {len(groups)} are negative; their amplitudes are 0",
            )
        mean = np.sqrt(np.maximum(mean, 0.0))
    elif (mean < 0).any():
        remarks = (
            *remarks,
            f"{name}: {int((mean < 0).sum())} amplitudes are negative, which count like positive ones; if the column "
            "holds intensities, give its name as crystal.reflections_column",
        )
    return Merged(miller[first], np.abs(mean), negative, remarks)


def as_amplitudes(reflections: ReflectionList) -> ReflectionList:
    """The list with the square roots of its intensities; negative ones give 0."""
    if reflections.kind == "amplitude":
        return reflections
    return replace(reflections, values=np.sqrt(np.maximum(reflections.values, 0.0)), kind="amplitude", sigma=None)


def _observations(
    reflections: ReflectionList, symmetry: Symmetry, limits: tuple[int, int, int], name: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Everything that has a value, mates at their own indices: indices, values, weights, and sigma at weight 1."""
    miller, values = reflections.miller.astype(np.int64), reflections.values
    sigma = reflections.sigma
    if reflections.mates is not None:
        mates = reflections.mates
        centric = representatives(miller, symmetry, limits) == representatives(-miller, symmetry, limits)
        mates = np.where(centric & np.isfinite(values), np.nan, mates)
        miller, values = np.concatenate([miller, -miller]), np.concatenate([values, mates])
        sigma = None
    elif reflections.friedel:
        # of h and -h the one with the larger representative stands for both
        turned = representatives(miller, symmetry, limits) < representatives(-miller, symmetry, limits)
        miller = np.where(turned[:, None], -miller, miller)
    known = ~np.isnan(values)
    if not known.any():
        raise FileError(f"{name}: no reflection has a value in column {reflections.column}; name another column")
    if np.abs(values[known]).max() > _LARGEST:
        raise FileError(f"{name}: column {reflections.column} has values beyond {_LARGEST:g}; correct the file")
    if sigma is None or not (np.isfinite(sigma[known]).all() and (sigma[known] > 0).all()):
        return miller[known], values[known], np.ones(int(known.sum())), math.inf
    smallest = float(sigma[known].min())
    return miller[known], values[known], np.maximum(smallest / sigma[known], _LEAST_WEIGHT) ** 2, smallest


def _compare(
    reflections: ReflectionList,
    name: str,
    miller: np.ndarray,
    values: np.ndarray,
    mean: np.ndarray,
    deviation: np.ndarray,
    member: np.ndarray,
    count: np.ndarray,
    symmetry: Symmetry,
) -> tuple[str, ...]:
    """Say that repeats were averaged; refuse those that cannot be equivalents."""
    repeated = count[member] > 1
    if not repeated.any():
        return ()
    off = np.abs(values - mean[member])
    if (off <= _ALIKE * np.abs(mean[member])).all():
        return ()
    squares = values**2 if reflections.kind == "amplitude" else values
    means = np.bincount(member, squares) / count
    # without standard deviations every mean counts
    told = repeated & ((mean > _SIGNIFICANT * deviation) | np.isinf(deviation))[member]
    R = float(np.abs(squares - means[member])[told].sum() / max(np.abs(squares[told]).sum(), 1e-300))
    worst = int(np.argmax(np.where(repeated, off, -1.0)))
    group = np.flatnonzero(member == member[worst])
    other = group[int(np.argmax(np.abs(values[group] - values[worst])))]
    shown = (
        f"{_index(miller[worst])} has {values[worst]:.5g} and "
        f"{'again' if (miller[other] == miller[worst]).all() else _index(miller[other])} {values[other]:.5g}"
    )
    if R > _LARGEST_R:
        raise FileError(
            f"{name}: reflections that are equivalent in {symmetry.name} contradict each other (R = {100 * R:.0f} % of "
            f"the intensities): {shown}; give the crystal.space_group of the list, or correct the list"
        )
    sets = int((count > 1).sum())
    spread = f"R = {100 * R:.2g} % of the intensities; " if told.any() else ""
    return (
        f"{name}: {int(repeated.sum())} reflections are repeats or equivalents of {sets}, and are averaged ({spread}"
        f"most different: {shown})",
    )


def _index(index: np.ndarray) -> str:
    return " ".join(map(str, index))
