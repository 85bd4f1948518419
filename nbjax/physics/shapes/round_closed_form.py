"""The ellipsoid as the C program computes it."""

from __future__ import annotations

from dataclasses import dataclass

import jax.numpy as jnp
from jax import Array

from nbjax.physics.shapes.round import Round


@dataclass(frozen=True)
class RoundClosedForm(Round):
    """``Round`` without a series near the peak, where the closed form loses its digits and falls to 0."""

    def of_radius(self, radius_sq: Array, peak: Array, fudge: Array) -> Array:
        """See ``Radial.of_radius``."""
        at_peak = radius_sq == 0
        x = jnp.pi * jnp.sqrt(jnp.where(at_peak, 1.0, radius_sq) * fudge)
        transform = 3.0 * (jnp.sin(x) / x - jnp.cos(x)) / (x * x)
        return peak * jnp.where(at_peak, 1.0, transform).astype(peak.dtype)
