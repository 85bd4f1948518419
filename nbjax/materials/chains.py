"""Matter of molten or glassy hydrocarbon chains: nylon, and the lipid of a lipidic cubic phase."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from jaxtyping import Float

from nbjax.materials.material import GRID_PER_A, Material, free_atom
from nbjax.materials.water import water

_BONDS_A = ((1.53, 0.05, 1.0), (2.55, 0.08, 1.0), (3.92, 0.15, 0.65), (3.00, 0.15, 0.35))
"""Distance and its spread of the neighbours along a chain, and their share: next, next but one, and third, where a
chain goes straight on and where it turns."""
_HEIGHT, _WIDTH_PER_A, _FAR_PER_A, _FORWARD = 1.2, 0.19, 1.3, 0.12
"""Of the ring between chains, a Gaussian. Below ``_FAR_PER_A`` other chains make up for a unit's own, and there is left
what the compressibility gives."""

Unit = tuple[Float[np.ndarray, "801"], Float[np.ndarray, "801"]]
"""Intensity of a unit of a chain that is alone, and its amplitude."""


def _unit(centre: str, other: str, count: int, distance_A: float, apart_A: float = 0.0) -> Unit:
    """A heavy atom with the atoms that it carries."""
    q = 4 * GRID_PER_A
    inner, outer = free_atom(centre), free_atom(other)
    amplitude = inner + count * outer * np.sinc(q * distance_A)
    intensity = inner**2 + count * outer**2 + 2 * count * inner * outer * np.sinc(q * distance_A)
    if count > 1:
        intensity = intensity + count * (count - 1) * outer**2 * np.sinc(q * apart_A)
    return intensity, amplitude


def _structure(ring_per_A: float, units_per_A3: float, spread: float = 1.0) -> Float[np.ndarray, "801"]:
    """S(Q) - 1 of units of chains.

    Args:
        ring_per_A: Q of the ring between chains.
        units_per_A3: their density.
        spread: of the ring, over that of molten chains.
    """
    q = 4 * np.pi * GRID_PER_A
    own = np.zeros_like(q)
    for distance_A, wide_A, share in _BONDS_A:
        own += 2 * share * np.sinc(q * distance_A / np.pi) * np.exp(-0.5 * (wide_A * q) ** 2)
    width = _WIDTH_PER_A * spread
    between = _HEIGHT / spread * np.exp(-0.5 * ((q - ring_per_A) / width) ** 2)
    # the hole about a unit fulfils the sum rule: the integral of Q^2 (S - 1) is - 2 pi^2 times the density
    of_ring = _HEIGHT / spread * width * math.sqrt(2 * math.pi) * (ring_per_A**2 + width**2)
    hole = ((of_ring + 2 * math.pi**2 * units_per_A3) / (math.sqrt(math.pi) / 4 * (1 - _FORWARD))) ** (1 / 3)
    return own * (1 - np.exp(-((q / _FAR_PER_A) ** 4))) - (1 - _FORWARD) * np.exp(-((q / hole) ** 2)) + between


def _chain(
    units: list[tuple[Unit, int]], ring_per_A: float, units_per_A3: float, spread: float = 1.0
) -> Float[np.ndarray, "801"]:
    """Intensity of so many units of each kind, one chain among others."""
    number = sum(count for _, count in units)
    alone = sum((intensity * count for (intensity, _), count in units), np.zeros_like(GRID_PER_A))
    mean = sum((amplitude * count for (_, amplitude), count in units), np.zeros_like(GRID_PER_A)) / number
    return alone + number * mean**2 * _structure(ring_per_A, units_per_A3, spread)


def _methylene() -> Unit:
    return _unit("C", "H", 2, 1.09, 1.78)


@cache
def nylon() -> Material:
    """Nylon 6, glassy."""
    amide, carbonyl = _unit("N", "H", 1, 1.01), _unit("C", "O", 1, 1.23)
    return Material(
        {"C": 6, "H": 11, "N": 1, "O": 1},
        1.13,
        _chain([(_methylene(), 5), (amide, 1), (carbonyl, 1)], 1.60, 0.042, 1.1),
        "chains, with the halo of amorphous nylon 6 at 4.15 A (Murthy & Minor, Polymer 31 (1990) 996); right to 30 %",
    )


@cache
def lcp() -> Material:
    """Monoolein with two parts of water to three by weight, as one molecule and its share of water."""
    lipid = 356.54
    waters = lipid * (2 / 3) / 18.015
    chains = _chain([(_methylene(), 17)], 1.45, 0.037)
    q = 4 * np.pi * GRID_PER_A
    head = 4 * free_atom("C") ** 2 + 6 * free_atom("H") ** 2 + 4 * free_atom("O") ** 2
    scattered = chains + head * (1 - np.exp(-((q / 1.5) ** 2))) + waters * water().electrons_squared
    return Material(
        {"C": 21, "H": 40 + 2 * waters, "O": 4 + waters},
        0.97,
        scattered,
        "chains, with the ring of monoolein's at 4.5 A (Qiu & Caffrey, Biomaterials 21 (2000) 223), and water; without "
        "the reflections of the cubic phase beyond 20 A; right to 30 %",
    )
