"""How a crystal's reflections fall off with resolution, in the laboratory."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from nbjax.experiment import CrystalParameters
from nbjax.rotations import about_axis


def fall_off_m2(crystal: CrystalParameters, angle_rad: Float[Array, ""]) -> Float[Array, "3 3"] | None:
    """The matrix W of ``nbjax.physics.debye_waller`` with the spindle at an angle; None: nothing falls off."""
    even, motion = crystal.b_factor_m2, crystal.motion
    found = None if even is None else even * jnp.eye(3, dtype=even.dtype)
    if motion is None:
        return found
    axes = about_axis(crystal.spindle.axis, angle_rad) @ crystal.cell.misset @ crystal.cell.orientation
    moved = axes * (jnp.sqrt(8.0) * jnp.pi * motion.sigma_m)
    return moved @ moved.T if found is None else found + moved @ moved.T
