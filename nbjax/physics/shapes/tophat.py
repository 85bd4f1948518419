"""Flat spots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jax import Array

from nbjax.constants import NANOBRAGG_TOPHAT_RADIUS_SQUARED
from nbjax.numerics import Components
from nbjax.physics.shapes.radial import Radial

_RADIUS = (3 / (4 * np.pi)) ** (1 / 3)


@dataclass(frozen=True)
class Tophat(Radial):
    """Flat spots with a sharp edge: 1 within the sphere of volume 1."""

    has_gradient: ClassVar[bool] = False

    def of_radius(self, radius_sq: Array, peak: Array, fudge: Array) -> Array:
        """See ``Radial.of_radius``."""
        edge_sq = _RADIUS**2 if self.normalised else NANOBRAGG_TOPHAT_RADIUS_SQUARED
        return jnp.where(fudge * radius_sq < edge_sq, peak, 0.0)

    def share_in_cell(self, half_cells: Components) -> Array:
        """See ``Radial.share_in_cell``; without the caps that the faces of the cell cut off."""
        a, b, c = (_cap(half) for half in half_cells)
        return 1 - 2 * (a + b + c)


def _cap(half: Array) -> Array:
    """Volume of what a face at this distance cuts off the sphere."""
    height = jnp.maximum(_RADIUS - half, 0.0)
    return jnp.pi / 3 * height**2 * (3 * _RADIUS - height)
