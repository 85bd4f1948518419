"""Counts of an analogue-to-digital converter for each photon, and its pedestal."""

from __future__ import annotations

from dataclasses import dataclass

import jax
from jax import Array
from jaxtyping import Float

from nbjax.physics.readout.stage import Moments, Pixels


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Gain:
    """Photons times a factor, plus a number.

    Attributes:
        counts_per_photon: the factor.
        pedestal_counts: what every pixel holds in the dark.
    """

    counts_per_photon: Float[Array, ""] | float = 1.0
    pedestal_counts: Float[Array, ""] | float = 0.0

    def record(self, key: Array | None, image: Pixels) -> Pixels:
        """Counts; an array of NumPy stays one."""
        return image * self.counts_per_photon + self.pedestal_counts

    def moments(self, before: Moments) -> Moments:
        """The mean is scaled and shifted, the variance scaled by the square."""
        return Moments(self.record(None, before.mean), before.variance * self.counts_per_photon**2)
