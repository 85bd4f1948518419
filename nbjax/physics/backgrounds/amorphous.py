"""Amorphous matter in the beam: molecules whose scattering depends on the angle alone."""

from __future__ import annotations

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from nbjax.fields import STATIC
from nbjax.numerics import Components, norm
from nbjax.physics.backgrounds.tabulated import Tabulated


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Amorphous:
    """A slab across the beam.

    Attributes:
        thickness_m: along the beam.
        molecules_per_m3: their density.
        area_m2: of the beam's cross-section that it fills, at the fluence of the beam's centre, or the mean over the
            square of ``edge_m``.
        edge_m: edge of the square that it is across a beam whose fluence falls off; None: it says all by its area.
        scale: of its photons.
        amplitude: structure factor of one molecule in electrons; negative ones scatter negative intensity.
        name: of the material or the file.
    """

    thickness_m: Float[Array, ""]
    molecules_per_m3: Float[Array, ""]
    area_m2: Float[Array, ""]
    edge_m: Float[Array, ""] | None
    scale: Float[Array, ""]
    amplitude: Tabulated
    name: str = field(metadata=STATIC)

    @property
    def molecules(self) -> Array:
        """How many are in the beam."""
        return self.scale * self.thickness_m * self.area_m2 * self.molecules_per_m3

    def electrons_squared(self, q_per_m: Components) -> Array:
        """Sum over the molecules of their squared structure factors."""
        amplitude = self.amplitude.at(0.5 * norm(q_per_m))
        return self.molecules * (amplitude * jnp.abs(amplitude))
