"""Flat spots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
from jax import Array

from nbjax.constants import TOPHAT_RADIUS_SQUARED
from nbjax.physics.shapes.radial import Radial


@dataclass(frozen=True)
class Tophat(Radial):
    """Flat spots with a sharp edge."""

    has_gradient: ClassVar[bool] = False

    def of_radius(self, radius_sq: Array, count: Array, fudge: Array) -> Array:
        """See ``Radial.of_radius``."""
        return jnp.where(fudge * radius_sq < TOPHAT_RADIUS_SQUARED, count, 0.0)
