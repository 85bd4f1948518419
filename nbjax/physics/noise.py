"""Counting noise: Poisson counts, and the reference's own sampler."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.extend.random import threefry_2x32
from jax.typing import DTypeLike
from jaxtyping import Float, Int

EXPANSION_FROM = 32.0
_TERMS = 96
"""Photons from which the expansion is good, and terms of the sum below: the last is less likely than 1e-17."""

_EXPANSION: tuple[tuple[float, ...], ...] = (
    (0.0, 1.0),
    (1 / 3, 0.0, 1 / 6),
    (0.0, -1 / 36, 0.0, -1 / 72),
    (-8 / 405, 0.0, 7 / 810, 0.0, 1 / 270),
    (0.0, 671 / 38880, 0.0, -137 / 38880, 0.0, -23 / 17280),
    (-16 / 25515, 0.0, -5189 / 408240, 0.0, 5 / 3024, 0.0, 19 / 34020),
    (0.0, 274867 / 146966400, 0.0, 2647909 / 293932800, 0.0, -165779 / 195955200, 0.0, -11237 / 43545600),
)
"""Coefficients of powers of the deviate, of mean^(1/2), mean^0, mean^(-1/2) and so on: the expansion of the quantile of
a gamma distribution (Abramowitz and Stegun, 26.4.11 to 26.4.16, by chi squared), solved for its parameter."""

_UNIFORM_BITS = {64: 52, 32: 23}
_PROGRESS_EVERY = 65536
_LANCZOS = (
    76.18009172947146,
    -86.50532032941677,
    24.01409824083091,
    -1.231739572450155,
    0.1208650973866179e-2,
    -0.5395239384953e-5,
)


def poisson_counts(photons: Float[Array, "..."], key: Array) -> Float[Array, "..."]:
    """Counts drawn from a Poisson distribution in each pixel, from counter-based random numbers.

    Each pixel takes one random number of its own, through the inverse of the distribution: below 32 photons by summing
    probabilities, from there on by ``quantile``. In 64 bits the total variation distance from Poisson's distribution is
    below 1e-7 everywhere. In 32 bits the random number has 23 bits, and what is rarer than that is not drawn.

    Args:
        photons: expected counts; below 0 they count as 0. 64-bit floats hold every count; 32-bit floats whole numbers
            to 1.7e7.
        key: a JAX random key.

    Returns:
        Whole numbers in the shape and type of ``photons``; NaN where the expected count is NaN.
    """
    photons = jnp.asarray(photons)
    uniform = uniforms(key, photons.shape, photons.dtype)
    few = photons < EXPANSION_FROM
    summed = summed_counts(jnp.where(few, photons, 0.0), uniform)
    return jnp.where(few, summed, expanded_counts(jnp.where(few, EXPANSION_FROM, photons), uniform))


def summed_counts(
    photons: Float[Array, "..."], uniform: Float[Array, "..."], terms: int = _TERMS
) -> Float[Array, "..."]:
    """Counts by summing probabilities up to a uniform number, of few photons.

    Args:
        photons: expected counts.
        uniform: between 0 and 1.
        terms: of the sum; what is not among them must be less likely than the uniform numbers tell apart.
    """
    likely = jnp.maximum(photons, 0.0)
    probability = jnp.exp(-likely)
    cumulative, counts = probability, jnp.zeros_like(photons)
    for number in range(1, terms):
        counts = counts + (uniform > cumulative)
        probability = probability * (likely * (1 / number))
        cumulative = cumulative + probability
    return counts


def expanded_counts(photons: Float[Array, "..."], uniform: Float[Array, "..."]) -> Float[Array, "..."]:
    """Counts by ``quantile``, of ``EXPANSION_FROM`` photons or more."""
    deviate = math.sqrt(2.0) * jax.lax.erf_inv(2.0 * uniform - 1.0)
    return jnp.maximum(jnp.floor(quantile(photons, deviate)), 0.0)


def uniforms(key: Array, shape: tuple[int, ...], dtype: DTypeLike) -> Float[Array, "..."]:
    """Random numbers between 0 and 1, neither of which is among them, symmetric about 1/2."""
    width = jnp.dtype(dtype).itemsize * 8
    return _uniform(jax.random.bits(key, shape, f"uint{width}"), dtype)


def uniforms_at(key: Array, places: Int[Array, " n"]) -> Float[Array, " n"]:
    """What ``uniforms`` of a key of Threefry, in 64 bits, has at places of a flat array of up to 2^32 numbers."""
    # JAX counts the numbers from 0, in two words
    words = jnp.concatenate([jnp.zeros_like(places, jnp.uint32), places.astype(jnp.uint32)])
    high, low = threefry_2x32(jax.random.key_data(key), words).astype(jnp.uint64).reshape(2, -1)
    return _uniform((high << 32) | low, jnp.float64)


def _uniform(bits: Array, dtype: DTypeLike) -> Float[Array, "..."]:
    width = jnp.dtype(dtype).itemsize * 8
    kept = _UNIFORM_BITS[width]
    return ((bits >> (width - kept)).astype(dtype) + 0.5) * 2.0**-kept


def quantile(mean: Float[Array, "..."], deviate: Float[Array, "..."]) -> Float[Array, "..."]:
    """Where Poisson's distribution, made continuous by its incomplete gamma function, is as likely as a normal deviate.

    Seven terms in the root of the mean, for means of 32 and above.
    """
    root = jnp.sqrt(mean)
    found, power = mean, root
    for coefficients in _EXPANSION:
        term = jnp.zeros_like(deviate)
        for coefficient in reversed(coefficients):
            term = term * deviate + coefficient
        found, power = found + term * power, power / root
    return found


def reference_poisson(
    photons: np.ndarray, drawn: np.ndarray, uniform: Callable[[], float], progress: Callable[[int], None] | None = None
) -> np.ndarray:
    """Counts as the C program draws them, pixel after pixel from one stream, with its 32-bit roundings.

    Numerical Recipes in C (1992), sections 7.2 and 7.3: a product of deviates below 12 photons, rejection from a
    Lorentzian above. Above 1e6 photons a Gaussian stands in, and its counts are not rounded to whole numbers.

    Args:
        photons: expected counts, shape (slow, fast), used as float32; below 0 none is drawn.
        drawn: pixels for which a count is drawn, shape (slow, fast); they take their turns in row order.
        uniform: the stream of deviates between 0 and 1, each a number that 32 bits hold exactly.
        progress: called with the number of pixels done, now and then.

    Returns:
        Counts, shape (slow, fast), as float64; 0 where none is drawn.
    """
    means = photons[drawn].astype(np.float32).tolist()
    sampler = _ReferenceSampler(uniform)
    counts = np.zeros(len(means))
    for i, mean in enumerate(means):
        counts[i] = sampler.count(mean)
        if progress is not None and i % _PROGRESS_EVERY == 0:
            progress(i)
    image = np.zeros(photons.shape)
    image[drawn] = counts
    return image


class _ReferenceSampler:
    """The C program's Poisson and Gaussian deviates; ``cell`` rounds to the 32 bits of its variables."""

    def __init__(self, uniform: Callable[[], float]):
        self._uniform = uniform
        self._cell = array("f", [0.0])
        self._spare: float | None = None

    def count(self, mean: float) -> float:
        if mean > 1.0e6:
            return self._rounded(mean + math.sqrt(mean) * self._gaussian())
        return self._few(mean) if mean < 12.0 else self._rejection(mean)

    def _rounded(self, number: float) -> float:
        self._cell[0] = number
        return self._cell[0]

    def _few(self, mean: float) -> float:
        uniform, cell = self._uniform, self._cell
        if mean <= 0:
            uniform()
            return 0.0
        threshold = self._rounded(math.exp(-mean))
        count, product = 0.0, uniform()
        while product > threshold:
            count += 1.0
            cell[0] = product * uniform()
            product = cell[0]
        return count

    def _rejection(self, mean: float) -> float:
        uniform, rounded = self._uniform, self._rounded
        width = rounded(math.sqrt(2.0 * mean))
        log_mean = rounded(math.log(mean))
        at_mean = rounded(rounded(mean * log_mean) - self._log_gamma(mean + 1.0))
        while True:
            y = rounded(math.tan(math.pi * uniform()))
            count = rounded(rounded(width * y) + mean)
            if count < 0.0:
                continue
            count = count // 1.0
            log_ratio = rounded(rounded(count * log_mean) - self._log_gamma(count + 1.0))
            ratio = rounded(0.9 * (1.0 + rounded(y * y)) * math.exp(rounded(log_ratio - at_mean)))
            if not uniform() > ratio:
                return count

    def _gaussian(self) -> float:
        """Box and Muller's pairs, one deviate at a time."""
        if self._spare is not None:
            spare, self._spare = self._spare, None
            return spare
        rounded = self._rounded
        square = 0.0
        while not 0.0 < square < 1.0:
            v1 = rounded(2.0 * self._uniform() - 1.0)
            v2 = rounded(2.0 * self._uniform() - 1.0)
            square = rounded(rounded(v1 * v1) + rounded(v2 * v2))
        factor = rounded(math.sqrt(-2.0 * math.log(square) / square))
        self._spare = rounded(v1 * factor)
        return rounded(v2 * factor)

    def _log_gamma(self, argument: float) -> float:
        """Ln Gamma by Lanczos' series (Numerical Recipes in C, section 6.1)."""
        x = self._rounded(argument)
        shifted = x + 5.5
        shifted -= (x + 0.5) * math.log(shifted)
        series = 1.000000000190015
        for i, coefficient in enumerate(_LANCZOS, 1):
            series += coefficient / (x + i)
        return self._rounded(-shifted + math.log(2.5066282746310005 * series / x))
