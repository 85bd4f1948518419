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
_NODES, _WEIGHTS = ((x + shift) / 2 for x, shift in zip(np.polynomial.legendre.leggauss(32), (1, 0), strict=True))
"""Of Gauss and Legendre, between 0 and 1."""


@dataclass(frozen=True)
class Tophat(Radial):
    """Flat spots with a sharp edge: 1 within the sphere of volume 1."""

    has_gradient: ClassVar[bool] = False

    def of_radius(self, radius_sq: Array, peak: Array, fudge: Array) -> Array:
        """See ``Radial.of_radius``."""
        edge_sq = _RADIUS**2 if self.normalised else NANOBRAGG_TOPHAT_RADIUS_SQUARED
        return jnp.where(fudge * radius_sq < edge_sq, peak, 0.0)

    def share_in_cell(self, half_cells: Components) -> Array:
        """See ``Radial.share_in_cell``: what the faces of the cell leave of the sphere, layer by layer; to 1e-4."""
        a, b, c = half_cells
        top = jnp.minimum(c, _RADIUS)
        nodes, weights = (jnp.asarray(part, top.dtype) for part in (_NODES, _WEIGHTS))
        layers = jnp.sqrt(jnp.maximum(_RADIUS**2 - (top * nodes) ** 2, 0.0))
        return 8 * top * jnp.dot(weights, _quarter_in_rectangle(layers, a, b))


def _quarter_in_rectangle(radius: Array, a: Array, b: Array) -> Array:
    """Area of a quarter of a circle about a corner of a rectangle, inside it."""
    end = jnp.minimum(a, radius)
    flat = jnp.minimum(jnp.sqrt(jnp.maximum(radius**2 - b**2, 0.0)), end)
    return b * flat + _under_arc(end, radius) - _under_arc(flat, radius)


def _under_arc(x: Array, radius: Array) -> Array:
    """Integral of sqrt(radius^2 - t^2) from 0 to x; the rounding of the height leaves both terms, but not their sum."""
    height = jnp.sqrt(jnp.maximum(radius**2 - x**2, 0.0))
    return (x * height + radius**2 * jnp.arctan2(x, height)) / 2
