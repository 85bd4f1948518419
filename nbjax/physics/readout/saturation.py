"""What a pixel holds that is too bright."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from nbjax.physics.readout.stage import Moments


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Saturation:
    """A limit, in the unit of the image.

    Attributes:
        limit: pixels at or above it are overloaded.
        overload: what these become.
    """

    limit: Float[Array, ""]
    overload: Float[Array, ""]

    def record(self, key: Array | None, image: Array) -> Array:
        """The image with its overloads marked."""
        return jnp.where(image >= self.limit, self.overload, image)

    def moments(self, before: Moments) -> Moments:
        """Overloads no longer vary."""
        bright = before.mean >= self.limit
        return Moments(jnp.where(bright, self.overload, before.mean), jnp.where(bright, 0.0, before.variance))
