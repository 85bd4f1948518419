"""Rotations of three-dimensional space as matrices that act on column vectors."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from nbjax.linear import cross_matrix


def about_axis(axis: Float[Array, "3"], angle_rad: Float[Array, ""]) -> Float[Array, "3 3"]:
    """Right-handed rotation by an angle about a unit axis (Rodrigues)."""
    c, s = jnp.cos(angle_rad), jnp.sin(angle_rad)
    return c * np.eye(3, dtype=axis.dtype) + s * cross_matrix(axis) + (1 - c) * (axis[:, None] * axis)


def about_xyz(angles_rad: Float[Array, "3"]) -> Float[Array, "3 3"]:
    """Rotation about x, then about y, then about z (all fixed laboratory axes)."""
    x, y, z = jax.vmap(about_axis)(jnp.asarray(np.eye(3, dtype=angles_rad.dtype)), angles_rad)
    return z @ y @ x


def about_vector(vector_rad: Float[Array, "3"]) -> Float[Array, "3 3"]:
    """Rotation by |vector| about the vector; smooth through zero (Rodrigues, by the angle's half)."""
    square = jnp.dot(vector_rad, vector_rad)
    near = square < 1e-6
    angle = jnp.sqrt(jnp.where(near, 1.0, square))
    sine = jnp.where(near, 1 - square / 6 * (1 - square / 20), jnp.sin(angle) / angle)
    versine = jnp.where(near, 0.5 - square / 24 * (1 - square / 30), 2 * jnp.sin(angle / 2) ** 2 / angle**2)
    skew = cross_matrix(vector_rad)
    return sine * skew + versine * (skew @ skew) + np.eye(3, dtype=vector_rad.dtype)


def xyz_angles(rotation: Float[Array, "3 3"]) -> Float[Array, "3"]:
    """The angles in rad whose ``about_xyz`` is a rotation; x takes what a y of 90 degrees leaves undetermined."""
    y = jnp.arctan2(-rotation[2, 0], jnp.hypot(rotation[0, 0], rotation[1, 0]))
    upright = jnp.cos(y) < 1e-12
    x = jnp.where(upright, jnp.arctan2(-rotation[1, 2], rotation[1, 1]), jnp.arctan2(rotation[2, 1], rotation[2, 2]))
    z = jnp.where(upright, 0.0, jnp.arctan2(rotation[1, 0], rotation[0, 0]))
    return jnp.stack([x, y, z])
