"""Solid angle of a pixel seen from the sample."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float


def solid_angle_sr(
    airpath_m: Array,
    pixel_size_m: Float[Array, ""],
    close_distance_m: Float[Array, ""],
    point_pixel: bool,
    two_sided: bool = False,
) -> Array:
    """pixel^2/R^2 times the obliquity close_distance/R, in sr; with ``point_pixel`` 1/R^2, in 1/m^2.

    A panel whose back faces the sample, at a close distance of 0 or below, has none. With ``two_sided``, its solid
    angle has the sign of the close distance, as in the C program.
    """
    if point_pixel:
        omega = 1 / (airpath_m * airpath_m)
    else:
        omega = pixel_size_m * pixel_size_m / (airpath_m * airpath_m) * (close_distance_m / airpath_m)
    return omega if two_sided else jnp.where(close_distance_m > 0, omega, 0.0)
