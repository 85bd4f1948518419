"""Smooth functions of the direction of scattered photons, by their values on a map of all directions."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from nbjax.numerics import Components, dot
from nbjax.physics.screens.screen import Way

REACH = 2.0
"""Half of an edge of the map, which is of equal area: the beam is its middle, and the way back a circle about it."""
_LEAST = 1e-6
"""What 1 + cos 2 theta is at least, near the way back."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Chart:
    """Between the nodes of the map a cubic in each of its two directions.

    Attributes:
        values: at the nodes, shape (n, n): along the electric vector, and across.
    """

    values: Float[Array, "n n"]

    def transmission(self, way: Way) -> Array:
        """The function at the directions of ways."""
        forward = jnp.maximum(1 + dot(way.diffracted, way.beam), _LEAST)
        stretch = jnp.sqrt(2 / forward)
        first = self._place(stretch * dot(way.diffracted, way.along))
        second = self._place(stretch * dot(way.diffracted, way.across))
        (row, by_row), (column, by_column) = first, second
        flat, width = self.values.reshape(-1), self.values.shape[1]
        total = jnp.zeros_like(stretch)
        for i, row_weight in enumerate(by_row):
            line = jnp.zeros_like(stretch)
            for j, weight in enumerate(by_column):
                line = line + weight * flat[(row + i) * width + column + j]
            total = total + row_weight * line
        return total

    def _place(self, at: Array) -> tuple[Array, tuple[Array, ...]]:
        """The first of four nodes about a place, and their weights."""
        place = (at + REACH) * ((len(self.values) - 1) / (2 * REACH))
        first = jnp.clip(jnp.floor(place), 1, len(self.values) - 3)
        t = place - first
        before, after, beyond = t + 1, t - 1, t - 2
        weights = (
            -t * after * beyond / 6,
            before * after * beyond / 2,
            -before * t * beyond / 2,
            before * t * after / 6,
        )
        return first.astype(jnp.int32) - 1, weights


def directions_of(count: int, beam: Components, along: Components, across: Components) -> Components:
    """Unit directions of the nodes of a map, shape (count, count) each; those past its edge lie on it."""
    edge = jnp.linspace(-REACH, REACH, count, dtype=beam[0].dtype)
    first, second = jnp.meshgrid(edge, edge, indexing="ij")
    square = first * first + second * second
    outside = square > REACH**2
    shrink = jnp.where(outside, REACH / jnp.sqrt(jnp.where(outside, square, 1.0)), 1.0)
    square = jnp.minimum(square, REACH**2)
    forward = 1 - square / 2
    sideways = jnp.sqrt(jnp.maximum(1 - square / 4, 0.0)) * shrink
    x, y, z = (forward * b + sideways * (first * u + second * v) for b, u, v in zip(beam, along, across, strict=True))
    return x, y, z


def random_chart(deviation: float, length_rad: float, seed: int) -> Float[np.ndarray, "n n"]:
    """Values of a chart that is one with smooth random deviations, and nowhere below zero.

    Args:
        deviation: their standard deviation over all directions.
        length_rad: spacing of the nodes, over which they vary.
        seed: of the nodes.
    """
    count = int(np.clip(round(2 * REACH / length_rad), 4, _MOST)) + 1
    draws = np.random.Generator(np.random.Philox(key=seed)).standard_normal((count, count))
    return np.maximum(1 + deviation / _OF_NODES * draws, 0.0)


_MOST = 256
_OF_NODES = 0.7757
"""Standard deviation of a chart of standard deviates at its nodes: each way the root of the mean of squared weights."""
