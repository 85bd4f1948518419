"""Kahn's polarization factor."""

from __future__ import annotations

from jax import Array
from jaxtyping import Float

from nbjax.numerics import Components, cross, dot, unit


def polarization_factor(
    kahn_factor: Float[Array, ""], incident: Components, diffracted: Components, axis: Components
) -> Array:
    """(1 + cos^2 2theta - K cos(2 psi) sin^2 2theta) / 2, Kahn et al., J. Appl. Cryst. 15, 330 (1982).

    psi is the angle of the diffracted ray about the incident one, measured from the electric vector. Since
    sin^2(2theta) cos(2 psi) = (d.E)^2 - (d.B)^2, neither psi nor a division is needed, and the direct beam is no
    exception.

    Args:
        kahn_factor: K between -1 and 1; 0 is unpolarized.
        incident, diffracted: unit vectors.
        axis: direction of the electric vector, unit vector.
    """
    magnetic = unit(cross(axis, incident))
    electric = cross(incident, magnetic)
    cos_two_theta = dot(incident, diffracted)
    return 0.5 * (
        1 + cos_two_theta**2 - kahn_factor * (dot(diffracted, electric) ** 2 - dot(diffracted, magnetic) ** 2)
    )
