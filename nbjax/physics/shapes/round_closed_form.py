"""The ellipsoid as the C program computes it."""

from __future__ import annotations

from dataclasses import dataclass

import jax.numpy as jnp
from jax import Array

from nbjax.constants import SPHERE_CUBE_RATIO
from nbjax.physics.shapes.radial import Radial


@dataclass(frozen=True)
class RoundClosedForm(Radial):
    """``Round`` without a series near the peak, where the closed form loses its digits and falls to 0."""

    def of_radius(self, radius_sq: Array, count: Array, fudge: Array) -> Array:
        """See ``Radial.of_radius``."""
        peak = radius_sq == 0
        x = jnp.pi * jnp.sqrt(jnp.where(peak, 1.0, radius_sq) * fudge)
        transform = 3.0 * (jnp.sin(x) / x - jnp.cos(x)) / (x * x)
        return count * SPHERE_CUBE_RATIO * jnp.where(peak, 1.0, transform).astype(count.dtype)
