"""Spectra on fewer wavelengths."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def reduced(
    wavelengths: Float[np.ndarray, " n"], weights: Float[np.ndarray, " n"], channels: int
) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """The weight and the mean wavelength of each of so many bins.

    Total and mean are kept to rounding; the variance loses what lies within the bins. Between their edges lie equal
    parts of the integral over the cube root of the spectral density, for which this loss is least as the bins become
    narrow (Panter and Dite, Proc. IRE 39, 44, 1951). Bins without weight stay: equal numbers in give equal numbers out.

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
    return centre + np.divide(offset, total, out=np.zeros(channels), where=shines), total


def mean_and_spread(wavelengths: Float[np.ndarray, " n"], weights: Float[np.ndarray, " n"]) -> tuple[float, float]:
    """Mean and standard deviation by weight."""
    mean = float(np.average(wavelengths, weights=weights))
    return mean, float(np.sqrt(np.average((wavelengths - mean) ** 2, weights=weights)))
