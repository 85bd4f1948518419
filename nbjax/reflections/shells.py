"""Shells of resolution: how many reflections a list has of those that there are."""

from __future__ import annotations

from dataclasses import dataclass

import gemmi
import numpy as np

from nbjax.io.symmetry import Symmetry

_MOST = 10
_FEWEST_REFLECTIONS = 20


@dataclass(frozen=True)
class Shell:
    """A shell of equal volume in reciprocal space.

    Attributes:
        longest_A, shortest_A: spacings of its borders.
        possible: unique reflections, Friedel mates together and systematic absences left out.
        count: of those, how many have an amplitude.
        mean_F: of these.
    """

    longest_A: float
    shortest_A: float
    possible: int
    count: int
    mean_F: float

    @property
    def missing(self) -> int:
        """Unique reflections without an amplitude."""
        return self.possible - self.count


def unique_weights(miller: np.ndarray, symmetry: Symmetry) -> np.ndarray:
    """One over the number of equivalents of each index, Friedel mates together; float64, shape (n,)."""
    laue = symmetry.operators.derive_symmorphic()
    laue.cen_ops = [gemmi.Op("x,y,z").tran]
    laue.add_inversion()
    indices = np.ascontiguousarray(miller, np.int32)
    return np.asarray(laue.epsilon_factor_without_centering_array(indices), float) / len(laue.sym_ops)


def count_shells(
    miller: np.ndarray,
    inverse_d2: np.ndarray,
    symmetry: Symmetry,
    is_absent: np.ndarray,
    present: np.ndarray,
    F: np.ndarray,
) -> tuple[np.ndarray, tuple[Shell, ...]]:
    """Count the reflections of a sphere in shells.

    Args:
        miller: every index of the sphere, shape (n, 3).
        inverse_d2: their 1/d^2 in A^-2, shape (n,).
        symmetry: that makes equivalents.
        is_absent: which are systematically absent, shape (n,).
        present: which have an amplitude, shape (n,).
        F: their amplitudes, shape (n,); any number where there is none.

    Returns:
        Shell of each index from 0, the longest spacings first, shape (n,); the shells.
    """
    weights = np.where(is_absent, 0.0, unique_weights(miller, symmetry))
    size = int(np.clip(weights.sum() / _FEWEST_REFLECTIONS, 1, _MOST))
    cubes = inverse_d2**1.5
    numbers = np.minimum((cubes / cubes.max() * size).astype(int), size - 1)
    borders = np.cbrt(np.linspace(0.0, cubes.max(), size + 1))
    borders[0] = np.sqrt(inverse_d2.min())
    possible = np.bincount(numbers, weights, size)
    count = np.bincount(numbers[present], weights[present], size)
    total = np.bincount(numbers[present], (weights * F)[present], size)
    shells = tuple(
        Shell(
            float(1 / borders[i]),
            float(1 / borders[i + 1]),
            int(np.rint(possible[i])),
            int(np.rint(count[i])),
            float(total[i] / count[i]) if count[i] else 0.0,
        )
        for i in range(size)
    )
    return numbers, shells
