"""Noise of the electronics."""

from __future__ import annotations

from dataclasses import dataclass

import jax
from jax import Array
from jaxtyping import Float

from nbjax.physics.readout.stage import Moments


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class ReadoutNoise:
    """Normal noise that every pixel gets when it is read.

    Attributes:
        sigma: standard deviation in the unit of the image.
    """

    sigma: Float[Array, ""]

    def record(self, key: Array, image: Array) -> Array:
        """The image with noise; pixels may fall below zero."""
        return image + self.sigma * jax.random.normal(key, image.shape, image.dtype)

    def moments(self, before: Moments) -> Moments:
        """The squares add."""
        return Moments(before.mean, before.variance + self.sigma**2)
