"""Counting of photons."""

from __future__ import annotations

from dataclasses import dataclass

import jax
from jax import Array

from nbjax.physics.noise import poisson_counts
from nbjax.physics.readout.stage import Moments


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Poisson:
    """Counts drawn from Poisson's distribution around expected photons; see ``poisson_counts``."""

    def record(self, key: Array, image: Array) -> Array:
        """Whole numbers."""
        return poisson_counts(image, key)

    def moments(self, before: Moments) -> Moments:
        """The mean adds to the variance, by the law of total variance."""
        return Moments(before.mean, before.variance + before.mean)
