"""The ellipsoid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from nbjax.constants import SPHERE_CUBE_RATIO
from nbjax.numerics import Components, sphere_transform
from nbjax.physics.shapes.radial import Radial

_MIDDLE = 4.2
"""Half the edge of the middle of a cell, in units of the radius; no whole number of cells ends there."""
_NODES, _WEIGHTS = ((x + shift) / 2 for x, shift in zip(np.polynomial.legendre.leggauss(12), (1, 0), strict=True))
"""Of Gauss and Legendre, between 0 and 1."""


@dataclass(frozen=True)
class Round(Radial):
    """Ellipsoid, as the transform of a sphere of diameter 1 in index space: 3 (sin x - x cos x)/x^3, x = pi rho."""

    height: ClassVar[float] = SPHERE_CUBE_RATIO

    def of_radius(self, radius_sq: Array, peak: Array, fudge: Array) -> Array:
        """See ``Radial.of_radius``."""
        return peak * sphere_transform(jnp.pi**2 * fudge * radius_sq, peak.dtype)

    def share_in_cell(self, half_cells: Components) -> Array:
        """See ``Radial.share_in_cell``; to 1e-3 for cells that end at 0.25 and beyond.

        The squared transform is integrated over the middle of the cell point by point, and beyond it by what it is far
        out.
        """
        cell = jnp.stack(half_cells)
        middle = jnp.minimum(cell, _MIDDLE)
        beyond = _beyond(jnp.stack((middle, cell)))
        return _within(middle) + (beyond[0] - beyond[1])


def _within(box: Float[Array, "3"]) -> Float[Array, ""]:
    """Integral of the squared transform over a box that ends at ``box`` and has its centre at the peak."""
    nodes, weights = (jnp.asarray(part, box.dtype) for part in (_NODES, _WEIGHTS))
    x, y, z = (box[:, None] * nodes) ** 2
    radius_sq = x[:, None, None] + y[:, None] + z
    transform = sphere_transform(jnp.pi**2 * radius_sq, radius_sq.dtype)
    height = jnp.einsum("abc,a,b,c", transform**2, weights, weights, weights)
    return SPHERE_CUBE_RATIO**2 * 8 * box[0] * box[1] * box[2] * height


def _beyond(boxes: Float[Array, "n 3"]) -> Float[Array, "n"]:
    """Integral of the squared transform over all that is outside such boxes, to 1e-3 for ends of 1 and more.

    Far out, the squared transform is 9/2 (1/x^4 + 1/x^6) on average, which is integrated over what lies beyond each
    face of the box, and 9/2 cos(2x)/x^4 besides, of which only the middle of a face counts.
    """
    # one program for all the faces: their second derivatives one by one would take minutes to compile
    faces = _beyond_face(boxes, jnp.stack((jnp.roll(boxes, -1, 1), jnp.roll(boxes, -2, 1))))
    return jnp.pi / 3 * faces.sum(1)


def _beyond_face(away: Float[Array, "*n"], half_edges: Float[Array, "2 *n"]) -> Float[Array, "*n"]:
    """Integral of the squared transform over a pyramid from the centre, beyond its base.

    Args:
        away: distance of the base, in units of rho.
        half_edges: half its edges.
    """
    edges = half_edges / away
    fourth, slope = (both.sum(0) for both in _quarter(edges, edges[::-1]))
    # integrals over the base of 1/r^4 and 1/r^6, where it is 1 away
    fourth, sixth = 2 * fourth, fourth + slope
    x = jnp.pi * away
    on_average = fourth / (jnp.pi**4 * away) + sixth / (3 * jnp.pi**6 * away**3)
    return 4.5 * (on_average - jnp.cos(2 * x) * jnp.pi / (2 * jnp.pi**3 * x**3))


def _quarter(a: Array, b: Array) -> tuple[Array, Array]:
    """a/sqrt(s + a^2) atan(b/sqrt(s + a^2)), and minus its derivative by s, at s = 1."""
    p = 1 / jnp.sqrt(1 + a * a)
    angle = jnp.arctan2(b * p, jnp.ones(()))
    return a * p * angle, (a * p**3 * angle + a * b * p * p / (1 + a * a + b * b)) / 2
