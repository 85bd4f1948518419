"""Absorption on the way through the sample: by the crystal itself, or by what holds it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float
from scipy.special import roots_jacobi
from scipy.stats import qmc

from nbjax.fields import STATIC
from nbjax.numerics import Components, dot
from nbjax.physics.screens.chart import Chart, directions_of
from nbjax.physics.screens.screen import Way

_NODES = 65
"""Directions along each edge of a chart."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Absorber:
    """A body about the sample, every part of which scatters alike.

    Attributes:
        per_m: attenuation.
        size_m: of a box along the beam, along its direction and across both; a round body has its diameter first.
        angle_rad: direction of a cylinder's axis, or of the box, from the electric vector.
        shape: a name of ``BODIES``.
    """

    per_m: Float[Array, ""]
    size_m: Float[Array, "3"]
    angle_rad: Float[Array, ""]
    shape: str = field(metadata=STATIC)

    def transmission(self, way: Way) -> Array:
        """Mean over the body of exp(-mu L), L the ways in along the beam and out along the scattered ray."""
        body = BODIES[self.shape]
        cosine, sine = jnp.cos(self.angle_rad), jnp.sin(self.angle_rad)
        first, second = dot(way.diffracted, way.along), dot(way.diffracted, way.across)
        out = dot(way.diffracted, way.beam), cosine * first + sine * second, cosine * second - sine * first
        one, none = jnp.ones_like(self.per_m), jnp.zeros_like(self.per_m)
        against = (-one, none, none)

        def add(total: Array, node: Array) -> tuple[Array, None]:
            place = tuple(node[i] * self.size_m[i if self.shape == "box" else 0] for i in range(3))
            path = body.leave(place, out, self.size_m) + body.leave(place, against, self.size_m)
            return total + node[3] * jnp.exp(-self.per_m * path), None

        nodes = jnp.asarray(body.nodes, self.per_m.dtype)
        return jax.lax.scan(add, jnp.zeros_like(out[0]), nodes)[0]

    def chart(self, beam: Components, along: Components, across: Components) -> Chart:
        """The transmission on a map of all directions."""
        directions = directions_of(_NODES, beam, along, across)
        return Chart(self.transmission(Way(directions, directions, beam, along, across)))


@dataclass(frozen=True)
class Body:
    """A shape.

    Attributes:
        leave: way from a place to the surface along a direction, of a size.
        nodes: places in a body of size one about zero, and their weights, which add up to one, shape (nodes, 4).
    """

    leave: Callable[[tuple[Array, ...], tuple[Array, ...], Array], Array]
    nodes: Float[np.ndarray, "nodes 4"]


def _from_round(place: tuple[Array, ...], direction: tuple[Array, ...], size: Array, square: Array) -> Array:
    """Way to a circle or sphere of the diameter ``size``; ``square`` is that of the direction in its plane."""
    along = sum(p * d for p, d in zip(place, direction, strict=True))
    inside = size * size / 4 - sum(p * p for p in place)
    # a direction along the axis of a cylinder never leaves it; such a way is as long as it is wide a thousand times
    safe = jnp.maximum(square, 1e-6)
    return (jnp.sqrt(jnp.maximum(along * along + safe * inside, 0.0)) - along) / safe


def _from_sphere(place: tuple[Array, ...], direction: tuple[Array, ...], size: Array) -> Array:
    return _from_round(place, direction, size[0], jnp.ones_like(direction[0]))


def _from_cylinder(place: tuple[Array, ...], direction: tuple[Array, ...], size: Array) -> Array:
    (x, _, z), (a, _, c) = place, direction
    return _from_round((x, z), (a, c), size[0], a * a + c * c)


def _from_box(place: tuple[Array, ...], direction: tuple[Array, ...], size: Array) -> Array:
    ways = []
    for i, (p, d) in enumerate(zip(place, direction, strict=True)):
        moves = jnp.abs(d) > 1e-9
        ways.append(jnp.where(moves, (size[i] / 2 - p * jnp.sign(d)) / jnp.where(moves, jnp.abs(d), 1.0), jnp.inf))
    return jnp.minimum(jnp.minimum(ways[0], ways[1]), ways[2])


def _ball() -> np.ndarray:
    radii, by_radius = roots_jacobi(6, 0, 2)
    cosines, by_cosine = np.polynomial.legendre.leggauss(8)
    turns = 2 * math.pi * (np.arange(12) + 0.5) / 12
    r, c, t = np.meshgrid((radii + 1) / 4, cosines, turns, indexing="ij")
    sine = np.sqrt(1 - c * c)
    weight = (by_radius[:, None, None] * by_cosine[:, None] * np.ones(12)).ravel()
    return _weighted(np.stack([r * c, r * sine * np.cos(t), r * sine * np.sin(t)], -1), weight)


def _disc() -> np.ndarray:
    radii, by_radius = roots_jacobi(8, 0, 1)
    turns = 2 * math.pi * (np.arange(16) + 0.5) / 16
    r, t = np.meshgrid((radii + 1) / 4, turns, indexing="ij")
    return _weighted(np.stack([r * np.cos(t), 0 * t, r * np.sin(t)], -1), np.repeat(by_radius, 16))


def _cube() -> np.ndarray:
    # the way out of a box has kinks, at which rules of high order are no better than even places
    places = qmc.Sobol(3, seed=1).random_base2(10) - 0.5
    return _weighted(places, np.ones(len(places)))


def _weighted(places: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return np.column_stack([places.reshape(-1, 3), weights / weights.sum()])


BODIES: dict[str, Body] = {
    "sphere": Body(_from_sphere, _ball()),
    "cylinder": Body(_from_cylinder, _disc()),
    "box": Body(_from_box, _cube()),
}
"""Shapes by the name that a configuration gives them; a cylinder has no end."""
