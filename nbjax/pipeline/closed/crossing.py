"""When a reflection passes the Ewald sphere as the crystal turns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from nbjax.geometry.goniometer import Spindle

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


def passages(
    star: Float[Array, "3"],
    axis: Float[Array, "3"],
    incident: Float[Array, "3"],
    wavelength_m: Float[Array, ""],
    window_rad: tuple[Array, Array],
) -> Passage:
    """Both passages of a reflection in a window of the rotation, before and after its turning point, shape (2,).

    |i/lambda + G|^2 - 1/lambda^2 = c + m cos(phi - phi_0) as G turns about the axis: its turning points are phi_0 and
    phi_0 + pi, and it vanishes at equal angles on both sides of them.

    Args:
        star: G at a spindle angle of zero.
        axis: of the spindle.
        incident: unit direction of the source.
        wavelength_m: of the source.
        window_rad: start and end, less than half a turn apart.
    """
    along = axis * jnp.dot(axis, star)
    across, beside = star - along, jnp.cross(axis, star)
    doubled = 2 / wavelength_m
    constant = jnp.dot(star, star) + doubled * jnp.dot(incident, along)
    cosine, sine = doubled * jnp.dot(incident, across), doubled * jnp.dot(incident, beside)
    height = jnp.hypot(cosine, sine)
    highest = jnp.arctan2(sine, cosine)
    start, end = window_rad
    halves = jnp.round((0.5 * (start + end) - highest) / jnp.pi)
    turning = jnp.clip(highest + jnp.pi * halves, start, end)
    sign = 1 - 2 * jnp.mod(halves, 2)
    ratio = -sign * constant / jnp.where(height > 0, height, 1)
    away = jnp.arccos(jnp.clip(ratio, -1, 1))
    starts, ends = jnp.stack([start, turning]), jnp.stack([turning, end])
    meets = highest + jnp.pi * halves + jnp.stack([-away, away])
    return Passage(starts, ends, jnp.clip(meets, starts, ends))


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
