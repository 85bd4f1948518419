"""Functions of the rows of a list that has more room than rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Int, Real

S = TypeVar("S")
T = TypeVar("T")

_ROWS = 64
"""Of a part."""


def padded(rows: Real[np.ndarray, "n k"], size: int) -> Float[np.ndarray, "size k"]:
    """Rows with zeros after them, so that lists of any length up to a size share programs."""
    return np.concatenate([rows, np.zeros((size - len(rows), rows.shape[1]))])


def picked(rows: S, numbers: Int[Array, "*n"]) -> S:
    """Rows of a pytree of arrays by their numbers, all of which exist; of one number, that row."""

    def of_leaf(leaf: Array) -> Array:
        return leaf.at[numbers].get(mode="promise_in_bounds", wrap_negative_indices=False)

    found: S = jax.tree.map(of_leaf, rows)
    return found


def in_parts(function: Callable[[S], T], rows: S, used: Bool[Array, " n"]) -> T:
    """``jax.vmap(function)(rows)``, which costs next to nothing where no row near by is used.

    Args:
        function: of one row.
        rows: pytree of arrays, first axis n.
        used: rows that mean something; what is said of the others is zero, or the function's value.
    """
    size = len(used)
    parts = -(-size // _ROWS)

    def split(leaf: Array) -> Array:
        padded = jnp.concatenate([leaf, jnp.broadcast_to(leaf[-1:], (parts * _ROWS - size, *leaf.shape[1:]))])
        return padded.reshape(parts, _ROWS, *leaf.shape[1:])

    of_rows = jax.vmap(function)

    def nothing(rows: S) -> T:
        zeros: T = jax.tree.map(lambda of: jnp.zeros(of.shape, of.dtype), jax.eval_shape(of_rows, rows))
        return zeros

    def of_part(part: tuple[S, Array]) -> T:
        rows, used = part
        found: T = jax.lax.cond(used.any(), of_rows, nothing, rows)
        return found

    split_rows = jax.tree.map(split, (rows, used))
    found: T = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:])[:size], jax.lax.map(of_part, split_rows))
    return found
