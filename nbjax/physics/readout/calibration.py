"""What a calibration has left of the differences between pixels."""

from __future__ import annotations

from dataclasses import dataclass, field

import jax
from jax import Array
from jaxtyping import Float

from nbjax.fields import STATIC
from nbjax.physics.readout.stage import Moments, chance_key


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Calibration:
    """A factor and an offset of each pixel, normally distributed over the pixels and the same in every image.

    Attributes:
        relative: standard deviation of the factor around 1.
        offset: standard deviation of the offset around 0, in the unit of the image.
        seed: of the pixels of this detector.
    """

    relative: Float[Array, ""]
    offset: Float[Array, ""]
    seed: int = field(default=0, metadata=STATIC)

    def record(self, key: Array | None, image: Array) -> Array:
        """The image as the detector's pixels have it; the key of the image is not used."""
        factor, offset = jax.random.split(chance_key(self.seed))
        scaled = image * (1.0 + self.relative * jax.random.normal(factor, image.shape, image.dtype))
        return scaled + self.offset * jax.random.normal(offset, image.shape, image.dtype)

    def moments(self, before: Moments) -> Moments:
        """Over pixels: of one pixel in many images it is a fixed error of the mean."""
        squares = before.mean**2 + before.variance
        return Moments(before.mean, before.variance + self.relative**2 * squares + self.offset**2)
