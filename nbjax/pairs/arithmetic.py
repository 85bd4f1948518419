"""Sums, products, quotients and roots of pairs.

The algorithms are Dekker's and Knuth's (T. J. Dekker, Numer. Math. 18 (1971) 224), arranged so that every product
whose rounding matters is exact: a compiler that contracts products and sums into fused operations then changes nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

_HIGH_BITS = np.uint32(0xFFFFF000)
"""Sign, exponent and the leading 11 bits of the fraction: 12 significant bits."""


class Pair(NamedTuple):
    """The sum of two 32-bit floats; ``low`` is at most half a unit in the last place of ``high``."""

    high: Array
    low: Array


def pair_of(value: ArrayLike) -> Pair:
    """The pair nearest to 64-bit host values, or a 32-bit value as it is."""
    if isinstance(value, jax.Array) and value.dtype == jnp.float32:
        return Pair(value, jnp.zeros_like(value))
    exact = np.asarray(value, np.float64)
    high = exact.astype(np.float32)
    finite = np.isfinite(high)
    low = np.where(finite, exact - np.where(finite, high, 0.0), 0.0).astype(np.float32)
    return Pair(jnp.asarray(high), jnp.asarray(low))


def halves(x: Array) -> tuple[Array, Array]:
    """A float as the sum of its leading 12 bits and the rest, which also fits in 12: products of halves are exact."""
    bits = jax.lax.bitcast_convert_type(x, jnp.uint32) & _HIGH_BITS
    high = jax.lax.bitcast_convert_type(bits, jnp.float32)
    return high, x - high


def exact_sum(a: Array, b: Array) -> Pair:
    """Sum of two floats, and what its rounding loses."""
    total = _kept(a + b)
    b_part = total - a
    return Pair(total, (a - (total - b_part)) + (b - b_part))


def renormalised(high: Array, low: Array) -> Pair:
    """The same sum with ``low`` made small; ``high`` must not be the smaller of the two."""
    total = _kept(high + low)
    return Pair(total, low - (total - high))


def _kept(total: Array) -> Array:
    """A rounded sum that a compiler takes for an unknown number: it would fold (b + 1) - 1 to b."""
    return jax.lax.optimization_barrier(total)


def add(a: Pair, b: Pair) -> Pair:
    """Sum, to 2^-45 of the larger operand."""
    total, lost = exact_sum(a.high, b.high)
    return renormalised(total, lost + (a.low + b.low))


def negative(a: Pair) -> Pair:
    """-a."""
    return Pair(-a.high, -a.low)


def subtract(a: Pair, b: Pair) -> Pair:
    """Difference, to 2^-45 of the larger operand."""
    return add(a, negative(b))


def multiply(a: Pair, b: Pair) -> Pair:
    """Product, to a relative 2^-33."""
    (a_lead, a_rest), (b_lead, b_rest) = halves(a.high), halves(b.high)
    crossed = a_lead * b_rest + a_rest * b_lead
    return renormalised(a_lead * b_lead, crossed + (a_rest * b_rest + (a.high * b.low + a.low * b.high)))


def divide(a: Pair, b: Pair) -> Pair:
    """Quotient, by long division with two digits."""
    first = a.high / b.high
    rest = subtract(a, multiply(b, Pair(first, jnp.zeros_like(first))))
    return renormalised(first, rest.high / b.high)


def square_root(a: Pair) -> Pair:
    """Root of a >= 0: the 32-bit root and one Newton step on the exact remainder."""
    positive = a.high > 0
    root = jnp.sqrt(jnp.where(positive, a.high, 1.0))
    rounded = Pair(root, jnp.zeros_like(root))
    rest = subtract(a, multiply(rounded, rounded))
    result = renormalised(root, rest.high / (2 * root))
    return Pair(jnp.where(positive, result.high, jnp.sqrt(a.high)), jnp.where(positive, result.low, 0.0))


def total(a: Pair, axis: int) -> Pair:
    """Sum along an axis, by halves while that saves steps."""
    a = Pair(jnp.moveaxis(a.high, axis, 0), jnp.moveaxis(a.low, axis, 0))
    while len(a.high) > 3:
        half = len(a.high) // 2
        summed = add(Pair(a.high[:half], a.low[:half]), Pair(a.high[half : 2 * half], a.low[half : 2 * half]))
        odd = [part[2 * half :] for part in a]
        a = Pair(*(jnp.concatenate([part, last]) for part, last in zip(summed, odd, strict=True)))
    if len(a.high) == 0:
        zero = jnp.zeros(a.high.shape[1:], jnp.float32)
        return Pair(zero, zero)
    result = Pair(a.high[0], a.low[0])
    for i in range(1, len(a.high)):
        result = add(result, Pair(a.high[i], a.low[i]))
    return result
