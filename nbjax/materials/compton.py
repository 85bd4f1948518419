"""Incoherent scattering functions: so many electrons of an atom scatter as if they were free, each way."""

from __future__ import annotations

from collections.abc import Mapping

import gemmi
import numpy as np
from jaxtyping import Float

from nbjax.materials.material import GRID_PER_A, free_atom

_BALYUZI: dict[str, tuple[tuple[float, float], ...]] = {
    "H": ((0.2623, 32.3717), (0.5094, 14.7084), (0.2034, 6.6884), (0.0249, 2.4843)),
    "C": ((0.7568, 82.2385), (2.5511, 31.7282), (0.7051, 11.9471), (1.4605, 1.4637), (0.5263, 0.5150)),
    "N": ((0.9070, 64.1555), (2.8972, 20.8507), (1.1659, 7.7576), (1.5526, 1.0335), (0.4769, 0.3516)),
    "O": ((0.8847, 52.0063), (3.2189, 16.4487), (1.7990, 6.5958), (1.5538, 0.8143), (0.5434, 0.2815)),
}
"""S = Z - sum of a exp(-b s^2), s in 1/Angstrom (Balyuzi, Acta Cryst. A31 (1975) 600); right to 0.05 electrons."""


def incoherent(formula: Mapping[str, float | int]) -> Float[np.ndarray, "801"]:
    """Of a molecule, in electrons on ``GRID_PER_A``; its atoms scatter on their own.

    An element without coefficients of its own has Z - f^2 / Z, right to 20 %.

    Args:
        formula: elements, and how many atoms of each.
    """
    found = np.zeros_like(GRID_PER_A)
    for symbol, count in formula.items():
        found += count * _of_atom(symbol)
    return found


def _of_atom(symbol: str) -> Float[np.ndarray, "801"]:
    electrons = gemmi.Element(symbol).atomic_number
    if symbol in _BALYUZI:
        lost = sum(a * np.exp(-b * GRID_PER_A**2) for a, b in _BALYUZI[symbol])
        return np.maximum(electrons - np.asarray(lost), 0.0)
    return electrons - np.minimum(free_atom(symbol), electrons) ** 2 / electrons
