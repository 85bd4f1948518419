"""Functions that stay exact, finite and differentiable where the textbook form does not."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float
from numpy.polynomial import Chebyshev, Polynomial

Components = tuple[Array, Array, Array]
"""A field of vectors as its x, y and z arrays, which lets XLA fuse a whole sample into one loop."""

_SINE_TERMS = {jnp.dtype("float64"): 9, jnp.dtype("float32"): 5}


def _chebyshev_sine(terms: int) -> list[float]:
    """Coefficients of 1, x^2, x^4 ... for sin(pi x) / (pi x), close to the best on [-1/2, 1/2]; the first is exactly 1.

    (sin(pi x) / (pi x) - 1) / x^2 is interpolated as a function of x^2 at the Chebyshev points.
    """
    taylor = [(-1) ** i * math.pi ** (2 * i) / math.factorial(2 * i + 1) for i in range(1, 20)]
    remainder = Chebyshev.interpolate(Polynomial(taylor), terms - 2, domain=[0, 0.25])
    return [1.0, *(float(c) for c in remainder.convert(kind=Polynomial).coef)]


_COTANGENT_TERMS = {jnp.dtype("float64"): 14, jnp.dtype("float32"): 8}


def _chebyshev_cotangent(terms: int) -> list[float]:
    """Coefficients of 1, x^2, x^4 ... for pi x cot(pi x), as for the sine."""

    def remainder(y: np.ndarray) -> np.ndarray:
        turn = math.pi * np.sqrt(y)
        return (turn / np.tan(turn) - 1) / y

    found = Chebyshev.interpolate(remainder, terms - 2, domain=[0, 0.25])
    return [1.0, *(float(c) for c in found.convert(kind=Polynomial).coef)]


_COTANGENT = {dtype: _chebyshev_cotangent(terms) for dtype, terms in _COTANGENT_TERMS.items()}
_SINE = {dtype: _chebyshev_sine(terms) for dtype, terms in _SINE_TERMS.items()}


@jax.custom_jvp
def sinc(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """sin(pi x) / (pi x) for |x| <= 1/2, to the rounding of the type; exactly 1 at 0."""
    return _polynomial(_SINE[jnp.dtype(x.dtype)], x * x)


sinc.defjvps(lambda x_t, _, x: sinc_slope(x) * x_t)


def sinc_slope(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """The derivative of ``sinc``."""
    return x * _polynomial([2 * i * c for i, c in enumerate(_SINE[jnp.dtype(x.dtype)])][1:], x * x)


def cotangent(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """The product of pi x and cot(pi x) for |x| <= 1/2; 1 at 0."""
    return _polynomial(_COTANGENT[jnp.dtype(x.dtype)], x * x)


def _polynomial(coefficients: list[float], x: Array) -> Array:
    total = jnp.full_like(x, coefficients[-1])
    for c in reversed(coefficients[:-1]):
        total = total * x + c
    return total


_SPHERE_SERIES = {
    jnp.dtype("float64"): (1e-2, (10, 28, 54, 88)),
    jnp.dtype("float32"): (1.0, (10, 28, 54, 88, 130, 180)),
}
"""Below which x^2 the closed form cancels more digits than a series loses, and the divisors of its terms."""


def sphere_transform(x_squared: Float[Array, "..."], dtype: Any = None) -> Float[Array, "..."]:
    """3 (sin x / x - cos x) / x^2 as a function of x^2, smooth through 0.

    Args:
        x_squared: in a type that holds x to a small part of a turn.
        dtype: type of the result, that of ``x_squared`` by default.
    """
    dtype = x_squared.dtype if dtype is None else jnp.dtype(dtype)
    limit, divisors = _SPHERE_SERIES[dtype]
    near = x_squared < limit
    safe = jnp.where(near, 1.0, x_squared)
    sine, cosine = waves(safe, dtype)
    narrow = x_squared.astype(dtype)
    series = jnp.ones_like(narrow)
    for divisor in reversed(divisors):
        series = 1 - narrow / divisor * series
    return jnp.where(near, series, 3 * (sine - cosine) / safe.astype(dtype))


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def waves(x_squared: Float[Array, "..."], dtype: Any) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """Sin x / x and cos x as functions of x^2 > 0; in ``dtype``, after x has lost its whole turns in its own type."""
    x = jnp.sqrt(x_squared)
    if x.dtype == dtype:
        return jnp.sin(x) / x, jnp.cos(x)
    turns = x * (0.5 / math.pi)
    angle = (2 * math.pi) * (turns - jnp.round(turns)).astype(dtype)
    return jnp.sin(angle) / x.astype(dtype), jnp.cos(angle)


@waves.defjvp
def _waves_jvp(dtype: Any, primals: tuple[Array], tangents: tuple[Array]) -> tuple[Any, Any]:
    sine, cosine = waves(*primals, dtype)
    change, x_squared = tangents[0].astype(dtype) / 2, primals[0].astype(dtype)
    return (sine, cosine), ((cosine - sine) / x_squared * change, -sine * change)


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def decay(x: Float[Array, "..."], dtype: Any) -> Float[Array, "..."]:
    """exp(-x) in ``dtype``, with what a wider x has beyond it."""
    if x.dtype == dtype:
        return jnp.exp(-x)
    leading = x.astype(dtype)
    return jnp.exp(-leading) * (1 - (x - leading).astype(dtype))


@decay.defjvp
def _decay_jvp(dtype: Any, primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    value = decay(*primals, dtype)
    return value, -value * tangents[0].astype(dtype)


def dot(a: Components, b: Components) -> Array:
    """Scalar product of two vector fields."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def cross(a: Components, b: Components) -> Components:
    """Vector product of two vector fields."""
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


def plus(a: Components, b: Components) -> Components:
    """Sum of two vector fields."""
    return a[0] + b[0], a[1] + b[1], a[2] + b[2]


def less(a: Components, b: Components) -> Components:
    """Difference of two vector fields."""
    return a[0] - b[0], a[1] - b[1], a[2] - b[2]


def scaled(factor: Array, a: Components) -> Components:
    """A vector field times a field of numbers."""
    return factor * a[0], factor * a[1], factor * a[2]


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
