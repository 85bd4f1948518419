"""Amorphous matter in the beam: molecules whose scattering depends on the angle alone."""

from __future__ import annotations

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from nbjax.fields import STATIC
from nbjax.numerics import Components, norm
from nbjax.physics.backgrounds.background import Sight
from nbjax.physics.backgrounds.tabulated import Tabulated
from nbjax.physics.compton import compton_ratio
from nbjax.physics.screens.chart import Chart


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
        incoherent: incoherent scattering function of one molecule in electrons; None: no Compton scattering.
        name: of the material or the file.
        variation: factor of all that it scatters, by the direction; None: one.
    """

    thickness_m: Float[Array, ""]
    molecules_per_m3: Float[Array, ""]
    area_m2: Float[Array, ""]
    edge_m: Float[Array, ""] | None
    scale: Float[Array, ""]
    amplitude: Tabulated
    incoherent: Tabulated | None
    name: str = field(metadata=STATIC)
    variation: Chart | None = None

    @property
    def molecules(self) -> Array:
        """How many are in the beam."""
        return self.scale * self.thickness_m * self.area_m2 * self.molecules_per_m3

    def electrons_squared(self, q_per_m: Components) -> Array:
        """Sum over the molecules of their squared structure factors: what is scattered without loss of energy."""
        amplitude = self.amplitude.at(0.5 * norm(q_per_m))
        return self.molecules * (amplitude * jnp.abs(amplitude))

    def electrons_squared_at(self, sight: Sight) -> Array:
        """The same, and the electrons that scatter as if they were free."""
        elastic = self.electrons_squared(sight.q_per_m)
        if self.incoherent is None:
            return elastic
        stol_per_m = 0.5 * norm(sight.q_per_m)
        electrons = self.molecules * self.incoherent.at(stol_per_m)
        return elastic + electrons * compton_ratio(stol_per_m, sight.wavelength_m, sight.polarization)
