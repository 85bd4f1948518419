"""What a material is to the beam, and the scattering of free atoms and molecules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import gemmi
import numpy as np
from jaxtyping import Float

GRID_PER_A = np.linspace(0.0, 2.0, 801)
"""sin(theta) / wavelength of all tables, in 1/Angstrom."""
GRID_PER_A.setflags(write=False)


@dataclass(frozen=True)
class Lines:
    """Rings too sharp for a table.

    Attributes:
        stol_per_A: their places.
        strengths: electrons squared of a molecule times the ring's width in sin(theta) / wavelength.
    """

    stol_per_A: Float[np.ndarray, " rings"]
    strengths: Float[np.ndarray, " rings"]


@dataclass(frozen=True)
class Material:
    """A material by what one of its molecules scatters, on the average.

    Attributes:
        formula: atoms of a molecule, or of a mean one, by their elements.
        density_g_per_cm3: at the state that the table is of.
        electrons_squared: coherent scattering of a molecule on ``GRID_PER_A``, but for the lines.
        source: where it is from, and how right it is.
        lines: rings of grains; None: there are none.
    """

    formula: Mapping[str, float | int]
    density_g_per_cm3: float
    electrons_squared: Float[np.ndarray, "801"]
    source: str
    lines: Lines | None = None

    @property
    def weight_g_per_mol(self) -> float:
        """Of a molecule."""
        return sum(count * gemmi.Element(symbol).weight for symbol, count in self.formula.items())


@cache
def free_atom(symbol: str) -> Float[np.ndarray, "801"]:
    """Form factor of an element in electrons on ``GRID_PER_A`` (International Tables C, 6.1.1.4)."""
    coefficients = gemmi.Element(symbol).it92
    squared = GRID_PER_A**2
    found = coefficients.c + sum(a * np.exp(-b * squared) for a, b in zip(coefficients.a, coefficients.b, strict=True))
    return np.asarray(found)


def free_molecule(
    atoms: Mapping[str, float | int], pairs: Sequence[tuple[str, str, float | int, float]]
) -> Float[np.ndarray, "801"]:
    """Debye's scattering of a molecule that lies any way, in electrons squared on ``GRID_PER_A``.

    Args:
        atoms: how many there are of each element.
        pairs: two elements, how many such pairs, and their distance in Angstrom.
    """
    found = np.zeros_like(GRID_PER_A)
    for symbol, count in atoms.items():
        found += count * free_atom(symbol) ** 2
    for one, other, count, distance_A in pairs:
        found += 2 * count * free_atom(one) * free_atom(other) * np.sinc(4 * GRID_PER_A * distance_A)
    return found
