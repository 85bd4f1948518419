"""Counting noise: exact Poisson counts, and the reference's own sampler."""

from __future__ import annotations

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

_EXACT_BELOW = 1e8


def poisson_counts(photons: Float[Array, "..."], key: Array) -> Float[Array, "..."]:
    """Counts drawn from a Poisson distribution in each pixel, from counter-based random numbers.

    Above 1e8 photons, where the skewness is below 1e-4, a rounded Gaussian stands in.

    Args:
        photons: expected counts.
        key: a JAX random key.
    """
    few, many = jax.random.split(key)
    drawn = jax.random.poisson(few, jnp.minimum(photons, _EXACT_BELOW)).astype(photons.dtype)
    gauss = photons + jnp.sqrt(jnp.maximum(photons, 0.0)) * jax.random.normal(many, photons.shape, photons.dtype)
    return jnp.where(photons > _EXACT_BELOW, jnp.round(gauss), drawn)


def reference_poisson(
    photons: np.ndarray, drawn: np.ndarray, uniform: Callable[[], float], progress: Callable[[int], None] | None = None
) -> np.ndarray:
    """Counts as the C program draws them, pixel after pixel from one stream, with its 32-bit roundings.

    Direct multiplication of deviates below 12 photons, rejection from a Lorentzian above (Numerical Recipes in C,
    section 7.3), a Gaussian that is not rounded above 1e6.

    Args:
        photons: expected counts, shape (slow, fast); used as float32.
        drawn: pixels for which a count is drawn, in row order.
        uniform: the stream of deviates.
        progress: called with the number of pixels done, now and then.
    """
    means = photons.astype(np.float32)[drawn]
    thresholds = np.exp(-means.astype(float)).astype(np.float32)
    gauss = _GaussStream(uniform)
    counts = np.zeros(len(means))
    for i, (mean, threshold) in enumerate(zip(means, thresholds, strict=True)):
        if mean > 1.0e6:
            counts[i] = np.float32(float(mean) + math.sqrt(float(mean)) * gauss.draw())
        elif mean < 12.0:
            counts[i] = _few(threshold, uniform)
        else:
            counts[i] = _rejection(mean, uniform)
        if progress is not None and i % 65536 == 0:
            progress(i)
    image = np.zeros(photons.shape)
    image[drawn] = counts
    return image


def _few(threshold: np.float32, uniform: Callable[[], float]) -> int:
    count, product = 0, np.float32(uniform())
    while product > threshold:
        count += 1
        product *= np.float32(uniform())
    return count


def _rejection(mean: np.float32, uniform: Callable[[], float]) -> float:
    width = np.float32(math.sqrt(2.0 * float(mean)))
    log_mean = np.float32(math.log(float(mean)))
    at_mean = np.float32(mean * log_mean - _log_gamma(np.float32(mean + np.float32(1.0))))
    while True:
        while True:
            y = np.float32(math.tan(math.pi * uniform()))
            count = np.float32(width * y + mean)
            if count >= 0:
                break
        count = np.floor(count)
        log_ratio = np.float32(count * log_mean - _log_gamma(np.float32(count + np.float32(1.0))) - at_mean)
        ratio = np.float32(0.9 * (1.0 + float(y * y)) * math.exp(float(log_ratio)))
        if not uniform() > ratio:
            return float(count)


class _GaussStream:
    """Box-Muller deviates in pairs, as 32-bit floats."""

    def __init__(self, uniform: Callable[[], float]):
        self._uniform = uniform
        self._spare: float | None = None

    def draw(self) -> float:
        if self._spare is not None:
            spare, self._spare = self._spare, None
            return spare
        while True:
            v1 = np.float32(2.0 * self._uniform() - 1.0)
            v2 = np.float32(2.0 * self._uniform() - 1.0)
            square = np.float32(v1 * v1 + v2 * v2)
            if 0 < square < 1:
                break
        factor = np.float32(math.sqrt(-2.0 * math.log(float(square)) / float(square)))
        self._spare = float(np.float32(v1 * factor))
        return float(np.float32(v2 * factor))


_LANCZOS = (
    76.18009172947146,
    -86.50532032941677,
    24.01409824083091,
    -1.231739572450155,
    0.1208650973866179e-2,
    -0.5395239384953e-5,
)


def _log_gamma(argument: np.float32) -> np.float32:
    """Ln Gamma by Lanczos' series, rounded to 32 bits (Numerical Recipes in C, section 6.1)."""
    x = float(argument)
    shifted = x + 5.5
    shifted -= (x + 0.5) * math.log(shifted)
    series = 1.000000000190015
    for i, coefficient in enumerate(_LANCZOS, 1):
        series += coefficient / (x + i)
    return np.float32(-shifted + math.log(2.5066282746310005 * series / x))
