"""running_product: the whole running sum is multiplied by the oversampled factors after every addition."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array


def add_and_multiply(total: Array, term: Array, factor: Array, evaluated: Array) -> tuple[Array, Array]:
    """The running sum before and after its multiplication; samples that the C program skips leave it alone."""
    added = jnp.where(evaluated, total + term, total)
    return added, jnp.where(evaluated, added * factor, total)
