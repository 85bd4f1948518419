"""Solid angle of a pixel seen from the sample."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float


def solid_angle_sr(
    airpath_m: Array,
    pixel_area_m2: Float[Array, "..."],
    obliquity: Array,
    point_pixel: bool,
    two_sided: bool = False,
) -> Array:
    """Pixel area/R^2 times the obliquity, in sr; with ``point_pixel`` 1/R^2, in 1/m^2.

    A panel whose back faces the sample, of an obliquity of 0 or below, has none. With ``two_sided``, its solid angle
    has the sign of the obliquity, as in the C program.

    Args:
        airpath_m: R.
        pixel_area_m2: area of a pixel.
        obliquity: the area that the pixel shows the ray, over its own, as of ``Panel.obliquity``.
        point_pixel, two_sided: see above.
    """
    square_m2 = airpath_m * airpath_m
    omega = 1 / square_m2 if point_pixel else pixel_area_m2 / square_m2 * obliquity
    return omega if two_sided else jnp.where(obliquity > 0, omega, 0.0)
