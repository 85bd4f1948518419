"""The fall-off of reflections with resolution, by displacements of the atoms that are the same in every cell."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from nbjax.numerics import Components


def debye_waller(fall_off_m2: Float[Array, "3 3"], q_per_m: Components) -> Array:
    """What is left of intensities, exp(-q W q / 2).

    Args:
        fall_off_m2: W, a symmetric matrix; B times the unit matrix where displacements are the same in all directions.
        q_per_m: scattering vectors.
    """
    (xx, xy, xz), (_, yy, yz), (_, _, zz) = fall_off_m2
    x, y, z = q_per_m
    return jnp.exp(-0.5 * (x * (xx * x + 2 * (xy * y + xz * z)) + y * (yy * y + 2 * yz * z) + zz * z * z))
