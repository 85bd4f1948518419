"""Pixels that always show the same."""

from __future__ import annotations

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float

from nbjax.fields import STATIC
from nbjax.physics.noise import uniforms
from nbjax.physics.readout.stage import Moments, chance_key


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class HotAndDead:
    """Some pixels are hot, others are dead, the same ones in every image.

    Attributes:
        hot_part, dead_part: of all pixels, chosen at random.
        hot, dead: what they show, in the unit of the image.
        dead_mask: dead pixels instead of a part of them, or None.
        seed: of the pixels of this detector.
    """

    hot_part: Float[Array, ""]
    dead_part: Float[Array, ""]
    hot: Float[Array, ""]
    dead: Float[Array, ""]
    dead_mask: Bool[Array, "..."] | None = None
    seed: int = field(default=0, metadata=STATIC)

    def record(self, key: Array | None, image: Array) -> Array:
        """The image with its defects; the key of the image is not used."""
        drawn = uniforms(chance_key(self.seed), image.shape, image.dtype)
        dead = drawn > 1 - self.dead_part
        if self.dead_mask is not None:
            dead = dead | self.dead_mask
        return jnp.where(dead, self.dead, jnp.where(drawn < self.hot_part, self.hot, image))

    def moments(self, before: Moments) -> Moments:
        """Of the others."""
        return before
