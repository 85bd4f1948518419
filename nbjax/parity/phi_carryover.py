"""phi_carryover: a step at phi == 0 keeps whatever rotation the previous evaluation left behind."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float


def carried_rotations(
    angles_rad: Float[Array, " phi"], rotations: Float[Array, "phi 3 3"]
) -> tuple[Float[Array, "phi 3 3"], Float[Array, "phi 3 3"]]:
    """Rotations of the first sweep over phi in a run, and of every later sweep."""

    def step(before: Array, now: tuple[Array, Array]) -> tuple[Array, Array]:
        angle, rotation = now
        used = jnp.where(angle == 0, before, rotation)
        return used, used

    start = jnp.eye(3, dtype=rotations.dtype)
    last, first_sweep = jax.lax.scan(step, start, (angles_rad, rotations))
    _, later_sweeps = jax.lax.scan(step, last, (angles_rad, rotations))
    return first_sweep, later_sweeps
