"""Hexagonal ice as a powder: rings, and the diffuse scattering of its thermal motion."""

from __future__ import annotations

from functools import cache

import gemmi
import numpy as np

from nbjax.materials.material import GRID_PER_A, Lines, Material, free_atom
from nbjax.materials.water import free_water

_CELL = (4.497, 4.497, 7.322, 90.0, 90.0, 120.0)
"""At 100 K (Roettger, Endriss, Ihringer, Doyle & Kuhs, Acta Cryst. B50 (1994) 644)."""
_SITES = (
    ("O", (1 / 3, 2 / 3, 0.0622), 1.0),
    ("H", (1 / 3, 2 / 3, 0.1989), 0.5),
    ("H", (0.4551, 0.9102, 0.0178), 0.5),
)
"""Kuhs & Lehmann, J. Phys. Chem. 87 (1983) 4312, P 63/m m c."""
_B_A2, _MOLECULES = 1.2, 4
_LAST_PER_A = 0.7
"""Beyond this sin(theta) / wavelength rings overlap, and are their mean."""


@cache
def ice() -> Material:
    """A molecule in a grain that lies any way."""
    return Material(
        {"H": 2, "O": 1},
        0.933,
        free_water() * np.where(GRID_PER_A < _LAST_PER_A, 1 - np.exp(-2 * _B_A2 * GRID_PER_A**2), 1.0),
        "structure at 100 K (Kuhs & Lehmann 1983, Roettger et al. 1994); rings right to 5 %, grains without texture",
        _rings(),
    )


def _rings() -> Lines:
    """Sums of |F|^2 over reflections of equal spacing, for a molecule, spread over the sphere of all directions."""
    cell = gemmi.UnitCell(*_CELL)
    most = [int(2 * _LAST_PER_A * edge) + 1 for edge in _CELL[:3]]
    hkl = np.stack(np.meshgrid(*(np.arange(-m, m + 1) for m in most), indexing="ij"), -1).reshape(-1, 3)
    stol = 0.5 * np.linalg.norm(hkl @ np.array(cell.frac.mat), axis=1)
    kept = (stol > 0) & (stol < _LAST_PER_A)
    hkl, stol = hkl[kept], stol[kept]
    factors = np.zeros(len(hkl), complex)
    for element, places, occupancy in _atoms():
        amplitude = occupancy * np.interp(stol, GRID_PER_A, free_atom(element)) * np.exp(-_B_A2 * stol**2)
        factors += amplitude * np.exp(2j * np.pi * hkl @ places.T).sum(axis=1)
    stols, ring = np.unique(np.round(stol, 6), return_inverse=True)
    sums = np.bincount(ring, np.abs(factors) ** 2)
    # in q = 2 stol: |F|^2 / (4 pi q^2 V), and a ring of unit area in stol has an area of two in q
    strengths = sums / (_MOLECULES * 4 * np.pi * (2 * stols) ** 2 * cell.volume) / 2
    seen = strengths > 1e-6 * strengths.max()
    return Lines(stols[seen], strengths[seen])


def _atoms() -> list[tuple[str, np.ndarray, float]]:
    """Element, places in the cell, shape (atoms, 3), and occupancy of each site."""
    operations = gemmi.SpaceGroup("P 63/m m c").operations()
    found = []
    for element, place, occupancy in _SITES:
        all_places = np.array([operation.apply_to_xyz(list(place)) for operation in operations]) % 1.0
        found.append((element, np.unique(np.round(all_places, 5) % 1.0, axis=0), occupancy))
    return found
