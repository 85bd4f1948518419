"""star_shape: a spot radius with a dimension, for the gauss and tophat shapes."""

from __future__ import annotations

from jax import Array
from jaxtyping import Float

from nbjax.numerics import Components


def radius_squared(delta: Components, cells: Components, reciprocal_per_A: Float[Array, "3 3"]) -> Array:
    """|sum delta_i a_i*|^2 (Na Nb Nc)^2 with a_i* in 1/A as the rows of ``reciprocal_per_A``."""
    x, y, z = (sum(delta[i] * reciprocal_per_A[i, j].astype(delta[i].dtype) for i in range(3)) for j in range(3))
    return (x * x + y * y + z * z) * (cells[0] * cells[1] * cells[2]) ** 2
