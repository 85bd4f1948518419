"""Diffuse scattering of the water around the crystal."""

from __future__ import annotations

from dataclasses import dataclass

import jax
from jax import Array
from jaxtyping import Float

from nbjax.constants import (
    AVOGADRO_PER_MOL,
    WATER_DENSITY_G_PER_M3,
    WATER_FORWARD_FACTOR_ELECTRONS,
    WATER_MOLAR_MASS_G_PER_MOL,
)
from nbjax.numerics import Components


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Water:
    """A cube of water whose molecules scatter on their own, with their forward factor at every angle.

    Attributes:
        size_m: edge of the cube.
    """

    size_m: Float[Array, ""]

    @property
    def edge_m(self) -> Array:
        """Of the square that the beam sees."""
        return self.size_m

    def electrons_squared(self, q_per_m: Components) -> Array:
        """Sum over the molecules of their squared forward-scattering factors, a single number."""
        molecules = self.size_m**3 * WATER_DENSITY_G_PER_M3 * AVOGADRO_PER_MOL / WATER_MOLAR_MASS_G_PER_MOL
        return WATER_FORWARD_FACTOR_ELECTRONS**2 * molecules
