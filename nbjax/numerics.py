"""Functions that stay exact, finite and differentiable where the textbook form does not."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

Components = tuple[Array, Array, Array]
"""A field of vectors as its x, y and z arrays, which lets XLA fuse a whole sample into one loop."""

_SINE_TERMS = {jnp.dtype("float64"): 11, jnp.dtype("float32"): 7}


def _sine_over_pi(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """sin(pi x) / pi, reduced in units of x before any multiplication by pi, so that zeros at integers are exact.

    A Taylor polynomial on [-1/2, 1/2], cut where the next term is below the rounding of the type. Its leading
    coefficient is exactly one, which spares 32-bit ratios the rounding of pi.
    """
    whole = jnp.round(x)
    r = x - whole
    square = r * r
    terms = _SINE_TERMS[jnp.dtype(x.dtype)]
    total = jnp.zeros_like(r)
    for i in reversed(range(terms)):
        total = total * square + (-1) ** i * math.pi ** (2 * i) / math.factorial(2 * i + 1)
    odd = whole - 2 * jnp.floor(whole / 2)
    return total * r * (1 - 2 * odd)


def grating(delta: Float[Array, "..."], cells: Float[Array, ""], dtype: Any) -> Float[Array, "..."]:
    """sin(pi N delta) / sin(pi delta) for |delta| <= 1/2, with its limit and two derivatives at 0.

    Args:
        delta: distance of a Miller index from the nearest integer.
        cells: N.
        dtype: type of the result. N delta is reduced to [-1/2, 1/2] in the type of ``delta``, which keeps the fringes
            of large crystals exact when the result is in 32 bits.
    """
    near = jnp.abs(delta) < 1e-7
    safe = jnp.where(near, 0.25, delta)
    fringe = cells * safe
    fringe = fringe - 2 * jnp.round(fringe / 2)
    ratio = _sine_over_pi(fringe.astype(dtype)) / _sine_over_pi(safe.astype(dtype))
    series = cells * (1 - (cells**2 - 1) * (math.pi * delta) ** 2 / 6)
    return jnp.where(near, series.astype(dtype), ratio)


def sphere_transform(x_squared: Float[Array, "..."]) -> Float[Array, "..."]:
    """3 (sin x / x - cos x) / x^2 as a function of x^2, smooth through 0."""
    near = x_squared < 1e-2
    safe = jnp.where(near, 1.0, x_squared)
    x = jnp.sqrt(safe)
    series = 1 - x_squared / 10 * (1 - x_squared / 28 * (1 - x_squared / 54 * (1 - x_squared / 88)))
    return jnp.where(near, series, 3 * (jnp.sin(x) / x - jnp.cos(x)) / safe)


def dot(a: Components, b: Components) -> Array:
    """Scalar product of two vector fields."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def cross(a: Components, b: Components) -> Components:
    """Vector product of two vector fields."""
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


def norm(a: Components) -> Array:
    """Length of a vector field; its gradient at the zero vector is 0 instead of NaN."""
    square = dot(a, a)
    positive = square > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, square, 1.0)), 0.0)


def unit(a: Components) -> Components:
    """Direction of a vector field; the zero vector stays zero."""
    length = norm(a)
    length = jnp.where(length > 0, length, 1.0)
    return (a[0] / length, a[1] / length, a[2] / length)


def components(vectors: Float[Array, "... 3"]) -> Components:
    """An array of vectors as its three component arrays."""
    return (vectors[..., 0], vectors[..., 1], vectors[..., 2])


def unit_vector(vector: Float[Array, "3"]) -> Float[Array, "3"]:
    """A single vector scaled to length one."""
    return vector / jnp.sqrt(jnp.sum(vector * vector))
