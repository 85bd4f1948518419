"""Dry air: molecules without regard to each other."""

from __future__ import annotations

from functools import cache

import numpy as np

from nbjax.materials.material import Material, free_molecule

_MOLE_FRACTIONS = {"N": 0.7808, "O": 0.2095, "Ar": 0.0097}
"""Nitrogen and oxygen as molecules; the last argon with what else there is."""
_BONDS_A = {"N": 1.0977, "O": 1.2075}
_DENSITY_G_PER_CM3 = 1.2041e-3
"""At 20 degrees C and 1013.25 hPa."""


@cache
def air() -> Material:
    """The mean molecule of air."""
    scattered, atoms = np.zeros(1), {}
    for symbol, fraction in _MOLE_FRACTIONS.items():
        count = 2 if symbol in _BONDS_A else 1
        pairs = [(symbol, symbol, 1, _BONDS_A[symbol])] if count == 2 else []
        scattered = scattered + fraction * free_molecule({symbol: count}, pairs)
        atoms[symbol] = count * fraction
    return Material(
        atoms,
        _DENSITY_G_PER_CM3,
        scattered,
        "Debye scattering of N2, O2 and Ar with the form factors of International Tables C; right to 1 %",
    )
