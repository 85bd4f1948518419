"""The ellipsoid."""

from __future__ import annotations

from dataclasses import dataclass

import jax.numpy as jnp
from jax import Array

from nbjax.constants import SPHERE_CUBE_RATIO
from nbjax.numerics import sphere_transform
from nbjax.physics.shapes.radial import Radial


@dataclass(frozen=True)
class Round(Radial):
    """Ellipsoid, as the transform of a sphere in index space."""

    def of_radius(self, radius_sq: Array, count: Array, fudge: Array) -> Array:
        """See ``Radial.of_radius``."""
        return count * SPHERE_CUBE_RATIO * sphere_transform(jnp.pi**2 * fudge * radius_sq, count.dtype)
