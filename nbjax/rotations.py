"""Rotations of three-dimensional space as matrices that act on column vectors."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float


def about_axis(axis: Float[Array, "3"], angle_rad: Float[Array, ""]) -> Float[Array, "3 3"]:
    """Right-handed rotation by an angle about a unit axis (Rodrigues)."""
    x, y, z = axis[0], axis[1], axis[2]
    zero = jnp.zeros_like(x)
    skew = jnp.stack([jnp.stack([zero, -z, y]), jnp.stack([z, zero, -x]), jnp.stack([-y, x, zero])])
    c, s = jnp.cos(angle_rad), jnp.sin(angle_rad)
    return c * jnp.eye(3, dtype=axis.dtype) + s * skew + (1 - c) * jnp.outer(axis, axis)


def about_xyz(angles_rad: Float[Array, "3"]) -> Float[Array, "3 3"]:
    """Rotation about x, then about y, then about z (all fixed laboratory axes)."""
    x, y, z = jax.vmap(about_axis)(jnp.eye(3, dtype=angles_rad.dtype), angles_rad)
    return z @ y @ x
