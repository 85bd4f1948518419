"""The place of a spot on a panel: rows across its longer way, and how far it reaches along them."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float, Int

_BEYOND = 1.25
"""Times as far as it takes pixels, a spot is followed: what ends there is nothing, also for derivatives."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Frame:
    """Coordinates of a spot, in pixels; "along" is the axis of the panel on which it is longer.

    Attributes:
        steep: whether that axis is slow.
        along, across: the middle.
        lean: how far the spot moves across for each pixel along.
        length, width: half of each that the spot takes, with the pixels that it touches.
        reach_along, reach_across: half of each in which it is followed, whatever the pixels.
    """

    steep: Bool[Array, ""]
    along: Float[Array, ""]
    across: Float[Array, ""]
    lean: Float[Array, ""]
    length: Float[Array, ""]
    width: Float[Array, ""]
    reach_along: Float[Array, ""]
    reach_across: Float[Array, ""]

    def point(self, along: Array, across: Array) -> tuple[Array, Array]:
        """(slow, fast) of places along and across."""
        return jnp.where(self.steep, along, across), jnp.where(self.steep, across, along)

    def line(self, along: Array) -> Array:
        """Where the middle of the spot is across, at places along."""
        return self.across + self.lean * (along - self.along)

    def pixels(self, half_length: int, half_width: int) -> tuple[Int[Array, " rows"], Int[Array, "rows columns"]]:
        """Whole indices along, and for each of them across, of the pixels of a box about the spot."""
        rows = jnp.floor(self.along) + jnp.arange(-half_length, half_length + 1)
        columns = jnp.floor(self.line(rows + 0.5))[:, None] + jnp.arange(-half_width, half_width + 1)
        return rows.astype(jnp.int32), columns.astype(jnp.int32)


def frame_of(centre: Float[Array, "2"], covariance: Float[Array, "2 2"], arc: Float[Array, ""], cut: float) -> Frame:
    """The frame of a spot.

    Args:
        centre: (fast, slow) in pixels.
        covariance: of (fast, slow).
        arc: largest distance from a straight line.
        cut: standard deviations up to which a spot is followed.
    """
    steep = covariance[1, 1] > covariance[0, 0]
    longer = jnp.maximum(covariance[0, 0], covariance[1, 1])
    safe = jnp.maximum(longer, 1e-30)
    lean = covariance[0, 1] / safe
    shorter = jnp.maximum(_determinant(covariance) / safe, 0)
    half_along, half_across = cut * jnp.sqrt(longer), cut * jnp.sqrt(shorter) + arc
    return Frame(
        steep,
        jnp.where(steep, centre[1], centre[0]),
        jnp.where(steep, centre[0], centre[1]),
        lean,
        jnp.ceil(half_along + 0.5),
        jnp.ceil(half_across + 0.5 * (1 + jnp.abs(lean))),
        _BEYOND * half_along,
        _BEYOND * half_across,
    )


def _determinant(matrix: Float[Array, "2 2"]) -> Float[Array, ""]:
    return matrix[0, 0] * matrix[1, 1] - matrix[0, 1] * matrix[1, 0]


def narrowest(covariance: Float[Array, "2 2"]) -> Float[Array, ""]:
    """Standard deviation of a spot in pixels where it is narrowest."""
    half = 0.5 * jnp.trace(covariance)
    return jnp.sqrt(jnp.maximum(half - jnp.sqrt(jnp.maximum(half**2 - _determinant(covariance), 0)), 0))
