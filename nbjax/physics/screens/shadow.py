"""Shadows of flat objects across the beam: beamstops, their arms, holders and edges."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from nbjax.fields import STATIC
from nbjax.numerics import dot
from nbjax.physics.screens.screen import Way

_LEAST_M = 1e-9
"""What stands in the place of a penumbra of zero."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Shadow:
    """An object in a plane across the beam.

    Attributes:
        distance_m: of the plane, from the sample along the beam.
        offset_m: middle of the object from the beam: along the electric vector, and across.
        size_m: of the object: along its direction, and across; of a disc its diameter, twice.
        angle_rad: direction of the object, from the electric vector.
        penumbra_m: standard deviation of its edges, seen from all points of the sample.
        passed: fraction of the photons that pass through the object.
        kind: a name of ``COVERS``.
    """

    distance_m: Float[Array, ""]
    offset_m: Float[Array, "2"]
    size_m: Float[Array, "2"]
    angle_rad: Float[Array, ""]
    penumbra_m: Float[Array, ""]
    passed: Float[Array, ""]
    kind: str = field(metadata=STATIC)

    def transmission(self, way: Way) -> Array:
        """See ``Screen``; photons that never cross the plane all pass."""
        forward = dot(way.diffracted, way.beam)
        crosses = forward > 0
        reach = self.distance_m / jnp.where(crosses, forward, 1.0)
        first = reach * dot(way.diffracted, way.along) - self.offset_m[0]
        second = reach * dot(way.diffracted, way.across) - self.offset_m[1]
        cosine, sine = jnp.cos(self.angle_rad), jnp.sin(self.angle_rad)
        penumbra = jnp.maximum(self.penumbra_m, _LEAST_M)
        sizes = self.size_m[0] / penumbra, self.size_m[1] / penumbra
        covered = COVERS[self.kind](
            (cosine * first + sine * second) / penumbra, (cosine * second - sine * first) / penumbra, *sizes
        )
        return jnp.where(crosses, 1 - (1 - self.passed) * covered, 1.0)


Cover = Callable[[Array, Array, Array, Array], Array]
"""How much of a point is covered, from its place along and across the object and the sizes, all in penumbras."""


_EDGE = math.sqrt(28)
"""Width of an edge of standard deviation one, whose blur is of the form t^2 (1 - t)^2."""


def _step(x: Array) -> Array:
    """Share of an edge's blur below x: nothing and all of it beyond its ends, with two continuous derivatives."""
    t = jnp.clip(x * (1 / _EDGE) + 0.5, 0.0, 1.0)
    return t * t * t * (10 + t * (6 * t - 15))


def _strip(x: Array, width: Array) -> Array:
    return _step(x + 0.5 * width) - _step(x - 0.5 * width)


def _disc(along: Array, across: Array, length: Array, width: Array) -> Array:
    square = along * along + across * across
    # its gradient in the very middle is zero
    radius = jnp.sqrt(jnp.where(square > 0, square, 1.0)) * (square > 0)
    return _strip(radius, length)


COVERS: dict[str, Cover] = {
    "disc": _disc,
    "rectangle": lambda along, across, length, width: _strip(along, length) * _strip(across, width),
    "arm": lambda along, across, length, width: _step(along) * _strip(across, width),
    "edge": lambda along, across, length, width: _step(along),
}
"""Kinds of objects: a disc; a rectangle; an arm that reaches from its middle to infinity; all that is beyond a line."""
