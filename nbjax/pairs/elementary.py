"""Sine and cosine of pairs."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from nbjax.pairs.arithmetic import Pair, add, multiply, pair_of, subtract

_TERMS = 8
"""x^15/15! at pi/4 is 2e-14."""


def sine_cosine(x: Pair) -> tuple[Pair, Pair]:
    """Sine and cosine, to 1e-10 for arguments of a few turns."""
    quarters = jnp.round(x.high * np.float32(2 / math.pi))
    angle = subtract(x, multiply(Pair(quarters, jnp.zeros_like(quarters)), pair_of(math.pi / 2)))
    waves = _series(angle)
    turn = jnp.mod(quarters, np.float32(4))
    swap = (turn == 1) | (turn == 3)
    odd, even = jnp.where(swap, 1, 0), jnp.where(swap, 0, 1)
    return _signed(waves, odd, turn >= 2), _signed(waves, even, (turn == 1) | (turn == 2))


def _series(x: Pair) -> Pair:
    """Sine and cosine of a small angle, along a new first axis: one series in x^2 with two sets of coefficients."""
    fractions = [[(-1) ** i / math.factorial(2 * i + odd) for odd in (1, 0)] for i in reversed(range(_TERMS))]
    square = multiply(x, x)
    shape = (2, *x.high.shape)
    coefficients = jax.tree.map(
        lambda c: jnp.broadcast_to(c.reshape(_TERMS, 2, *(1,) * x.high.ndim), (_TERMS, *shape)),
        pair_of(np.array(fractions)),
    )

    def step(sums: Pair, terms: Pair) -> tuple[Pair, None]:
        return add(multiply(sums, square), terms), None

    nothing = jnp.zeros(shape, jnp.float32)
    sums, _ = jax.lax.scan(step, Pair(nothing, nothing), coefficients)
    one = jnp.ones_like(x.high)
    return multiply(sums, Pair(jnp.stack([x.high, one]), jnp.stack([x.low, 0 * one])))


def _signed(waves: Pair, which: Array, minus: Array) -> Pair:
    chosen = [jnp.where(which == 0, part[0], part[1]) for part in waves]
    return Pair(*(jnp.where(minus, -part, part) for part in chosen))
