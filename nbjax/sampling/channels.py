"""Spectra on fewer wavelengths."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

_BEYOND = 0.01
"""Part of a list's range by which a wavelength that stands for several may lie beyond its ends."""


def reduced(
    wavelengths: Float[np.ndarray, " n"], weights: Float[np.ndarray, " n"], channels: int
) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """The weight of each of so many bins, and a wavelength for it.

    Total, mean and variance are kept to rounding. Between the edges of the bins lie equal parts of the integral over
    the cube root of the spectral density, for which the least of the variance lies within them as they become narrow
    (Panter and Dite, Proc. IRE 39, 44, 1951); the means of the bins are drawn apart by what it is, hardly beyond the
    ends of the list. Bins without weight stay: equal numbers in give equal numbers out.

    Args:
        wavelengths: in ascending order, in any unit.
        weights: of each.
        channels: wanted; a spectrum of no more wavelengths is returned as it is.
    """
    if len(wavelengths) <= channels:
        return wavelengths, weights
    spacing = np.gradient(wavelengths)
    part = np.cbrt(weights * spacing**2)
    middle = (np.cumsum(part) - part / 2) / part.sum() if part.sum() > 0 else np.zeros(len(part))
    bins = np.clip((middle * channels).astype(int), 0, channels - 1)
    total = np.bincount(bins, weights, channels)
    centre = wavelengths[np.argmax(weights)]  # the digits of the differences from it are kept
    offset = np.bincount(bins, weights * (wavelengths - centre), channels)
    shines = total > 0
    found = np.divide(offset, total, out=np.zeros(channels), where=shines)
    lit = wavelengths[weights > 0] - centre
    margin = _BEYOND * (lit[-1] - lit[0])
    ends = float(lit[0] - margin), float(lit[-1] + margin)
    return centre + _widened(found, total, mean_and_spread(wavelengths - centre, weights)[1], ends), total


def _widened(
    offsets: Float[np.ndarray, " k"], weights: Float[np.ndarray, " k"], spread: float, ends: tuple[float, float]
) -> Float[np.ndarray, " k"]:
    """Offsets with a wanted standard deviation and the same mean, as far as they stay between two ends."""
    mean, found = mean_and_spread(offsets, weights)
    if not found > 0:
        return offsets
    shining = offsets[weights > 0] - mean
    most = min((ends[0] - mean) / shining.min(), (ends[1] - mean) / shining.max())
    return mean + max(1.0, min(spread / found, most)) * (offsets - mean)


def mean_and_spread(wavelengths: Float[np.ndarray, " n"], weights: Float[np.ndarray, " n"]) -> tuple[float, float]:
    """Mean and standard deviation by weight."""
    mean = float(np.average(wavelengths, weights=weights))
    return mean, float(np.sqrt(np.average((wavelengths - mean) ** 2, weights=weights)))
