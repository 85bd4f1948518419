"""The spindle: phi steps and the rotations that they stand for."""

from __future__ import annotations

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from nbjax.fields import STATIC
from nbjax.rotations import about_axis


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Spindle:
    """A rotation exposure as evenly spaced stills.

    Attributes:
        axis: unit rotation axis, shape (3,).
        start_rad, step_rad: first angle and spacing.
        steps: number of stills.
    """

    axis: Float[Array, "3"]
    start_rad: Float[Array, ""]
    step_rad: Float[Array, ""]
    steps: int = field(metadata=STATIC)


def phi_angles_rad(spindle: Spindle) -> Float[Array, " phi"]:
    """Spindle angle of each step."""
    return spindle.start_rad + spindle.step_rad * jnp.arange(spindle.steps, dtype=spindle.start_rad.dtype)


def phi_rotations(spindle: Spindle) -> Float[Array, "phi 3 3"]:
    """Rotation of each step."""
    return jax.vmap(lambda angle: about_axis(spindle.axis, angle))(phi_angles_rad(spindle))
