"""Vectors and matrices of three dimensions in few operations: what is traced and compiled costs by their number."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

_LEVI_CIVITA = np.zeros((3, 3, 3))
for _i, _j, _k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
    _LEVI_CIVITA[_i, _j, _k], _LEVI_CIVITA[_i, _k, _j] = 1.0, -1.0


def cross_matrix(vectors: Float[Array, "*n 3"]) -> Float[Array, "*n 3 3"]:
    """The matrix K of a vector v for which K x = v cross x."""
    by_middle = -_LEVI_CIVITA.astype(vectors.dtype)
    return (by_middle * vectors[..., None, None, :]).sum(-1)


def cross_product(left: Float[Array, "*#n 3"], right: Float[Array, "*#n 3"]) -> Float[Array, "*n 3"]:
    """Vector products along the last axis."""
    return _next(left * _next(right) - _next(left) * right)


def _next(vectors: Float[Array, "*n 3"]) -> Float[Array, "*n 3"]:
    """y, z and x of x, y and z."""
    return jnp.concatenate([vectors[..., 1:], vectors[..., :1]], -1)


def cofactors(rows: Float[Array, "3 3"]) -> Float[Array, "3 3"]:
    """Vector products of the rows after each and before it, as rows."""
    after = _next(rows.T).T
    return cross_product(after, _next(after.T).T)


def determinant(rows: Float[Array, "3 3"]) -> Float[Array, ""]:
    """The first row times the vector product of the others."""
    return jnp.dot(rows[0], cross_product(rows[1], rows[2]))
