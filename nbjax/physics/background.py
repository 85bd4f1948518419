"""Diffuse scattering of the water around the crystal."""

from __future__ import annotations

from jax import Array
from jaxtyping import Float

from nbjax.constants import (
    AVOGADRO_PER_MOL,
    WATER_DENSITY_G_PER_M3,
    WATER_FORWARD_FACTOR_ELECTRONS,
    WATER_MOLAR_MASS_G_PER_MOL,
)


def water_electrons_squared(size_m: Float[Array, ""]) -> Array:
    """Sum over the molecules of a cube of water of their squared forward-scattering factors, in electrons^2."""
    molecules = size_m**3 * WATER_DENSITY_G_PER_M3 * AVOGADRO_PER_MOL / WATER_MOLAR_MASS_G_PER_MOL
    return WATER_FORWARD_FACTOR_ELECTRONS**2 * molecules
