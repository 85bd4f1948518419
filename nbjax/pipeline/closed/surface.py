"""Smooth functions over a spot, evaluated at few points and interpolated by a polynomial to all of its pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

DEGREE = 8
POINTS = np.cos(np.pi * (np.arange(DEGREE + 1) + 0.5) / (DEGREE + 1))
"""Points of Chebyshev, between -1 and 1, at which functions are evaluated along each of two axes."""

_TO_COEFFICIENTS = np.linalg.inv(np.vander(POINTS, increasing=True))

Surface = Float[Array, "terms terms *spots"]
"""Coefficients of x^i y^j, of one spot or of many."""


def surface(values: Float[Array, "terms terms"], dtype: Any) -> Surface:
    """The polynomial through values at the points of x and y; its coefficients are narrowed to a type."""
    to = jnp.asarray(_TO_COEFFICIENTS, values.dtype)
    return (to @ values @ to.T).astype(dtype)


def along(surfaces: Sequence[Surface], x: Float[Array, "... spots"]) -> list[Float[Array, "surfaces ... spots"]]:
    """Coefficients of y^j of each surface at places x; of many spots, theirs on the last axis."""
    terms, count = DEGREE + 1, len(surfaces)
    together = jnp.stack(surfaces, 2).reshape(terms**2 * count, *[1] * (x.ndim - 1), -1)
    coefficients = jax.lax.split(together, (count,) * terms**2)
    x = jnp.broadcast_to(x, (count, *x.shape))
    total = [jnp.broadcast_to(coefficient, x.shape) for coefficient in coefficients[-terms:]]
    for first in range(terms * (terms - 2), -1, -terms):
        total = [one * x + own for one, own in zip(total, coefficients[first : first + terms], strict=True)]
    return total


def at(surface: Surface, x: Float[Array, "..."], y: Float[Array, "..."]) -> Float[Array, "..."]:
    """The value at places (x, y), in few operations but slower; of many spots, theirs on the last axis."""
    coefficients = surface.reshape(*surface.shape[:2], *[1] * (x.ndim - 1), -1)
    total = coefficients[-1]
    for row in coefficients[-2::-1]:
        total = total * x + row
    return across(list(total), y)


def across(coefficients: list[Array], y: Float[Array, "..."]) -> Float[Array, "..."]:
    """The value at y of polynomials whose coefficients broadcast against it."""
    total = coefficients[-1] * jnp.ones_like(y)
    for coefficient in coefficients[-2::-1]:
        total = total * y + coefficient
    return total
