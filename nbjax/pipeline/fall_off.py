"""How a crystal's reflections fall off with resolution, in the laboratory."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from nbjax.experiment import CrystalParameters


def fall_off_m2(crystal: CrystalParameters, angle_rad: Float[Array, ""]) -> Float[Array, "3 3"] | None:
    """The matrix W of ``nbjax.physics.debye_waller`` with the spindle at an angle; None: nothing falls off."""
    if crystal.b_factor_m2 is None:
        return None
    return crystal.b_factor_m2 * jnp.eye(3, dtype=crystal.b_factor_m2.dtype)
