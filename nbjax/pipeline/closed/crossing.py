"""When a reflection passes the Ewald sphere as the crystal turns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from nbjax.geometry.goniometer import Spindle
from nbjax.linear import cross_product

_LEAST_SLOPE = 1e-3
"""Slopes of a passage that have derivatives, over its height in a quarter of a turn."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Passage:
    """A part of a rotation in which a reflection moves to one side of the Ewald sphere alone.

    Attributes:
        start_rad, end_rad: spindle angles of the part; equal where there is none.
        angle_rad: where the reflection is nearest to the sphere in it.
    """

    start_rad: Float[Array, ""]
    end_rad: Float[Array, ""]
    angle_rad: Float[Array, ""]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Excess:
    """|i/lambda + G|^2 - 1/lambda^2 as G turns about an axis: constant + height cos(phi - highest).

    Its turning points are ``highest`` and half a turn from there.
    """

    constant: Float[Array, ""]
    height: Float[Array, ""]
    highest_rad: Float[Array, ""]

    def halves(self, angle_rad: Array) -> Array:
        """Number of the half turn, from one turning point to the next, that holds an angle."""
        return jnp.floor((angle_rad - self.highest_rad) / jnp.pi)

    def start_rad(self, halves: Array) -> Array:
        """Turning point at which a half turn starts."""
        return self.highest_rad + jnp.pi * halves

    def angle_rad(self, halves: Array, value: Array | float = 0.0) -> Array:
        """Where it has a value in a half turn; the nearer end where it has not."""
        # it falls from where it is highest, and rises again
        sign = 1 - 2 * jnp.mod(halves, 2)
        cosine = sign * (value - self.constant) / jnp.where(self.height > 0, self.height, 1)
        return self.start_rad(halves) + jnp.arccos(jnp.clip(cosine, -1, 1))


def excess_of(
    star: Float[Array, "3"], axis: Float[Array, "3"], incident: Float[Array, "3"], wavelength_m: Float[Array, ""]
) -> Excess:
    """The excess of a reflection.

    Args:
        star: G at a spindle angle of zero.
        axis: of the spindle.
        incident: unit direction of the source.
        wavelength_m: of the source.
    """
    along = axis * jnp.dot(axis, star)
    across, beside = star - along, cross_product(axis, star)
    doubled = 2 / wavelength_m
    constant = jnp.dot(star, star) + doubled * jnp.dot(incident, along)
    cosine, sine = doubled * jnp.dot(incident, across), doubled * jnp.dot(incident, beside)
    return Excess(constant, jnp.hypot(cosine, sine), jnp.arctan2(sine, cosine))


def passages(excess: Excess, window_rad: tuple[Array, Array], parts: int = 2) -> Passage:
    """All passages of a reflection in a window of the rotation, one between two turning points, shape (parts,).

    Args:
        excess: of the reflection.
        window_rad: start and end, less than ``parts - 1`` half turns apart.
        parts: how many passages there may be.
    """
    start, end = window_rad
    halves = excess.halves(start) + jnp.arange(parts)
    starts = jnp.clip(excess.start_rad(halves), start, end)
    ends = jnp.clip(excess.start_rad(halves + 1), start, end)
    return Passage(starts, ends, jnp.clip(excess.angle_rad(halves), starts, ends))


def range_rad(spindle: Spindle) -> Float[Array, ""]:
    """How far the spindle turns; nothing for a still."""
    return spindle.step_rad * (spindle.steps if spindle.steps > 1 else 0)


def moved_with(
    spindle: Spindle,
    passage: Passage,
    excess: Callable[[Float[Array, ""]], Float[Array, ""]],
) -> Passage:
    """A frozen passage as a function of what it was found from: equal to it, with its derivatives.

    Its ends are constant shares of the rotation. Its angle, if it is none of the ends, follows the root of the excess;
    but not where that turns back, which has no derivative.

    Args:
        spindle: of the crystal.
        passage: of numbers.
        excess: |i/lambda + G|^2 - 1/lambda^2 at a spindle angle.
    """
    if spindle.steps == 1:
        return Passage(spindle.start_rad, spindle.start_rad, spindle.start_rad)
    still, turn = jax.lax.stop_gradient, range_rad(spindle)
    start, whole = still((spindle.start_rad, turn))

    def moved(angle: Array) -> Array:
        share = still((angle - start) / jnp.where(whole == 0, 1, whole))
        return spindle.start_rad + share * turn

    ends: Passage = jax.tree.map(moved, passage)
    angle = still(passage.angle_rad)
    value, slope = jax.jvp(excess, (angle,), (jnp.ones_like(angle),))
    crosses = (angle > passage.start_rad) & (angle < passage.end_rad)
    slope = still(slope)
    steep = crosses & (jnp.abs(slope) > _LEAST_SLOPE * still(jnp.abs(excess(angle + 0.5 * jnp.pi) - value)))
    followed = angle - (value - still(value)) / jnp.where(steep, slope, 1)
    angle = jnp.where(steep, followed, jnp.where(crosses, angle, ends.angle_rad))
    return Passage(ends.start_rad, ends.end_rad, angle)
