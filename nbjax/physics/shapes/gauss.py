"""Gaussian spots."""

from __future__ import annotations

from dataclasses import dataclass

from jax import Array

from nbjax.constants import GAUSS_WIDTH
from nbjax.numerics import decay
from nbjax.physics.shapes.radial import Radial


@dataclass(frozen=True)
class Gauss(Radial):
    """Gaussian spots without side maxima."""

    def of_radius(self, radius_sq: Array, count: Array, fudge: Array) -> Array:
        """See ``Radial.of_radius``."""
        return count * decay(fudge * radius_sq / GAUSS_WIDTH, count.dtype)
