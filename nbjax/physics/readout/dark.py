"""Current that flows in the dark."""

from __future__ import annotations

from dataclasses import dataclass

import jax
from jax import Array
from jaxtyping import Float

from nbjax.physics.noise import poisson_counts
from nbjax.physics.readout.stage import Moments


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class DarkCurrent:
    """Electrons that collect during the exposure besides those of photons, and count as Poisson's distribution has it.

    Attributes:
        electrons: expected in the exposure.
        electrons_per_photon: what one photon makes.
    """

    electrons: Float[Array, ""]
    electrons_per_photon: Float[Array, ""]

    def record(self, key: Array, image: Array) -> Array:
        """Photons with those that the dark electrons look like."""
        drawn = poisson_counts(jax.numpy.full(image.shape, self.electrons, image.dtype), key)
        return image + drawn / self.electrons_per_photon

    def moments(self, before: Moments) -> Moments:
        """Mean and variance of the electrons are the same number."""
        added = self.electrons / self.electrons_per_photon
        return Moments(before.mean + added, before.variance + added / self.electrons_per_photon)
