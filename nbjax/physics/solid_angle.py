"""Solid angle of a pixel seen from the sample."""

from __future__ import annotations

from jax import Array
from jaxtyping import Float


def solid_angle_sr(
    airpath_m: Array, pixel_size_m: Float[Array, ""], close_distance_m: Float[Array, ""], point_pixel: bool
) -> Array:
    """pixel^2/R^2 times the obliquity close_distance/R, in sr; with ``point_pixel`` 1/R^2, in 1/m^2."""
    if point_pixel:
        return 1 / (airpath_m * airpath_m)
    return pixel_size_m * pixel_size_m / (airpath_m * airpath_m) * (close_distance_m / airpath_m)
