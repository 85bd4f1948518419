"""Liquid water at 25 degrees C."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.interpolate import CubicSpline

from nbjax.materials.material import GRID_PER_A, Material, free_molecule

_MEASURED = """
    0 6.25, 0.3 6.2, 0.5 6.15, 0.7 6.4, 0.9 7.25, 1 8, 1.1 9.05, 1.2 10.8, 1.3 13.2, 1.4 16.8, 1.5 21.9,
    1.6 28.7, 1.7 37.2, 1.8 46.7, 1.9 54.7, 2 58.6, 2.05 58.6, 2.1 57.7, 2.2 53.7, 2.3 49.3, 2.4 45.4,
    2.5 42.5, 2.6 40.8, 2.7 39.9, 2.8 39.3, 2.9 38.1, 3 35.4, 3.1 31.3, 3.2 26.5, 3.3 21.8, 3.4 18.4, 3.5 16,
    3.6 14.4, 3.7 13.5, 3.8 13, 4 12.6, 4.2 12.6, 4.4 12.43, 4.6 11.9, 4.8 11.1, 5 10.05, 5.2 8.88, 5.4 7.69,
    5.6 6.68, 5.8 5.93, 6 5.38, 6.2 5.06, 6.4 4.93, 6.6 4.8, 6.8 4.69, 7 4.48, 7.25 4.2, 7.5 3.89, 7.75 3.6,
    8 3.29, 8.25 3.07, 8.5 2.98, 8.75 2.93, 9 2.89, 9.25 2.83, 9.5 2.74, 9.75 2.63, 10 2.47, 10.4 2.32,
    10.8 2.2
"""
"""Q in 1/Angstrom and electrons squared of a molecule; smoothed within the errors of Hura, Russo, Glaeser, Head-Gordon,
Krack and Parrinello, Phys. Chem. Chem. Phys. 5 (2003) 1981, and Clark, Hura, Teixeira, Soper and Head-Gordon, PNAS 107
(2010) 14003."""
_FREE_FROM_PER_A = 13.0
"""From here on molecules scatter as if they were free."""


@cache
def free_water() -> np.ndarray:
    """A water molecule that is alone."""
    return free_molecule({"O": 1, "H": 2}, [("O", "H", 2, 0.9572), ("H", "H", 1, 1.5139)])


@cache
def water() -> Material:
    """The liquid: the measured intensity over that of free molecules, which ends in one."""
    q = 4 * np.pi * GRID_PER_A
    places, intensity = np.array(_MEASURED.replace(",", " ").split(), float).reshape(-1, 2).T
    ratios = intensity / np.interp(places, q, free_water())
    far = np.linspace(_FREE_FROM_PER_A, q[-1], 4)
    spline = CubicSpline(np.concatenate([places, far]), np.concatenate([ratios, np.ones(4)]))
    return Material(
        {"H": 2, "O": 1},
        0.99705,
        free_water() * spline(q),
        "measured at 25 degrees C (Hura et al. 2003, Clark et al. 2010), right to 2 % below spacings of 5 A, 8 % above",
    )
