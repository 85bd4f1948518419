"""From a point on the detector to the scattering vector."""

from __future__ import annotations

from jax import Array
from jaxtyping import Float

from nbjax.numerics import Components, dot, norm


def direction(point_m: Components) -> tuple[Components, Array]:
    """Unit vector from the sample to a point, and the distance (airpath) in m."""
    airpath_m = norm(point_m)
    return (point_m[0] / airpath_m, point_m[1] / airpath_m, point_m[2] / airpath_m), airpath_m


def scattering_vector(diffracted: Components, incident: Components, wavelength_m: Float[Array, ""]) -> Components:
    """Q = (d - i) / lambda in 1/m."""
    return (
        (diffracted[0] - incident[0]) / wavelength_m,
        (diffracted[1] - incident[1]) / wavelength_m,
        (diffracted[2] - incident[2]) / wavelength_m,
    )


def miller_indices(cell_m: tuple[Components, Components, Components], q_per_m: Components) -> Components:
    """Fractional h, k, l = (a.q, b.q, c.q)."""
    return (dot(cell_m[0], q_per_m), dot(cell_m[1], q_per_m), dot(cell_m[2], q_per_m))


def is_resolved(q_per_m: Components, resolution_limit_m: Float[Array, ""]) -> Array:
    """Whether a sample's spacing 1/|q| is at or above the limit."""
    return norm(q_per_m) * resolution_limit_m <= 1.0
