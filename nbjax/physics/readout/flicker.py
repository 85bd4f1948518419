"""Intensity of the beam from shot to shot."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import jax
from jax import Array
from jaxtyping import Float

from nbjax.fields import STATIC
from nbjax.physics.readout.stage import Moments, positive


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Flicker:
    """The beam is brighter or darker than the configuration says, by a factor 1 + relative times a normal deviate.

    Attributes:
        relative: standard deviation of the factor.
        each: one factor for the whole "image", or one for each "pixel", as where it sees a part of the exposure.
    """

    relative: Float[Array, ""]
    each: Literal["image", "pixel"] = field(default="image", metadata=STATIC)

    def record(self, key: Array, image: Array) -> Array:
        """The image times the factor; none is below zero."""
        shape = image.shape if self.each == "pixel" else ()
        return image * positive(1.0 + self.relative * jax.random.normal(key, shape, image.dtype))

    def moments(self, before: Moments) -> Moments:
        """The variance of a product with mean 1."""
        squares = before.mean**2 + before.variance
        return Moments(before.mean, before.variance + self.relative**2 * squares)
