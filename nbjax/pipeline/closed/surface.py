"""Smooth functions over a spot, evaluated at few points and interpolated by a polynomial to all of its pixels."""

from __future__ import annotations

from typing import Any

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


def along(surface: Surface, x: Float[Array, "..."]) -> list[Array]:
    """Coefficients of y^j at places x; of many spots, theirs on the last axis."""
    total = [jnp.full_like(x, coefficient) for coefficient in surface[-1]]
    for row in surface[-2::-1]:
        total = [one * x + coefficient for one, coefficient in zip(total, row, strict=True)]
    return total


def across(coefficients: list[Array], y: Float[Array, "..."]) -> Float[Array, "..."]:
    """The value at y of polynomials whose coefficients broadcast against it."""
    total = coefficients[-1] * jnp.ones_like(y)
    for coefficient in coefficients[-2::-1]:
        total = total * y + coefficient
    return total
