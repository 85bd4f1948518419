"""Distances of Miller indices from the nearest whole numbers, as floats or in fixed point."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from nbjax.numerics import Components

_TURN = 2.0**32


def fixed_point(delta: Float[Array, "*s"]) -> Int[Array, "*s"]:
    """Distances of Miller indices from the nearest integers as 32-bit integers: multiples of 2^-32.

    They lose 1e-10, and their products with whole numbers wrap around as the phases of the gratings do: 32 bits keep
    the fringes of large crystals, which they do not as floats.

    Args:
        delta: in 64 bits.

    Raises:
        TypeError: delta has fewer bits.
    """
    if delta.dtype != jnp.float64:
        raise TypeError(f"distances in {delta.dtype} have no 32 bits behind the point")
    # the sum's last bit is 2^-32, so that its lower half is the rounded distance
    bits = jax.lax.bitcast_convert_type(delta + 1.5 * 2.0**20, jnp.uint64)
    return jax.lax.bitcast_convert_type(bits.astype(jnp.uint32), jnp.int32)


def as_floats(delta: Array, dtype: Any) -> Array:
    """Distances as floats of a type, from floats or from ``fixed_point``."""
    return delta.astype(dtype) * (1 / _TURN) if delta.dtype == jnp.int32 else delta.astype(dtype)


def fringe(delta: Array, cells: Array, dtype: Any) -> Array:
    """N delta, reduced to [-1/2, 1/2]."""
    if delta.dtype != jnp.int32:
        turns = cells * delta
        return (turns - jnp.round(turns)).astype(dtype)
    whole = jnp.round(cells)
    rest = (cells - whole).astype(dtype) * as_floats(delta, dtype)
    turns = as_floats(delta * whole.astype(jnp.int32), dtype) + rest
    return turns - jnp.round(turns)


def by_axis(field: Array) -> Components:
    """The three entries along the axis before the last, which stays."""
    return field[..., :1, :], field[..., 1:2, :], field[..., 2:, :]
