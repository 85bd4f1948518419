"""Amplitudes from intensities that may be below zero, with what is known before of each reflection.

French and Wilson (1978): the mean and the standard deviation of F for a Gaussian likelihood of F^2 times the density of
F by Wilson's statistics, F exp(-F^2 / S) for acentric reflections and exp(-F^2 / 2 S) for centric ones of the mean
intensity S; or times a Gaussian of F^2 about a known one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

_NODES = 201
_REACH = 5.5
_PRIOR_REACH = 30.0
"""Mean intensities up to which Wilson's densities count."""


@dataclass(frozen=True)
class Prior:
    """What is known of intensities beforehand.

    Attributes:
        mean: Wilson's mean intensity of each, or the known one.
        sigma: standard deviation about the known one; None: Wilson's density.
        centric: which are.
    """

    mean: Float[np.ndarray, " n"]
    sigma: Float[np.ndarray, " n"] | None
    centric: Bool[np.ndarray, " n"]


def amplitudes(
    intensity: Float[np.ndarray, " n"], sigma: Float[np.ndarray, " n"], prior: Prior
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Mean and standard deviation of amplitudes.

    Args:
        intensity: measured.
        sigma: its standard deviations; infinite where nothing was measured.
        prior: of them.
    """
    measured = np.isfinite(sigma)
    y, s = np.where(measured, intensity, prior.mean), np.where(measured, sigma, 1e6 * prior.mean)
    if prior.sigma is None:
        most = np.minimum(_REACH * s, _PRIOR_REACH * prior.mean)
        low, high = np.maximum(y - _REACH * s, 0), np.maximum(y, 0) + most
    else:
        both = 1 / np.hypot(1 / s, 1 / prior.sigma)
        middle = both**2 * (y / s**2 + prior.mean / prior.sigma**2)
        low, high = np.maximum(middle - _REACH * both, 0), np.maximum(middle, 0) + _REACH * both
    F = np.sqrt(low)[:, None] + (np.sqrt(high) - np.sqrt(low))[:, None] * ((np.arange(_NODES) + 0.5) / _NODES)
    logarithm = -0.5 * ((F**2 - y[:, None]) / s[:, None]) ** 2
    if prior.sigma is None:
        mean, centric = prior.mean[:, None], prior.centric[:, None]
        logarithm += np.where(centric, -0.5 * F**2 / mean, np.log(F) - F**2 / mean)
    else:
        logarithm += np.log(F) - 0.5 * ((F**2 - prior.mean[:, None]) / prior.sigma[:, None]) ** 2
    density = np.exp(logarithm - logarithm.max(1, keepdims=True))
    density /= density.sum(1, keepdims=True)
    mean_F = (density * F).sum(1)
    return mean_F, np.sqrt(np.maximum((density * (F - mean_F[:, None]) ** 2).sum(1), 0))


def wilson_means(
    intensity: Float[np.ndarray, " n"],
    sigma: Float[np.ndarray, " n"],
    epsilon: Float[np.ndarray, " n"],
    shell: Int[np.ndarray, " n"],
) -> Float[np.ndarray, " n"]:
    """Mean intensity of each reflection by its shell, from those that were measured; that of all where none was.

    Args:
        intensity, sigma: as of ``amplitudes``.
        epsilon: factors of the mean.
        shell: numbers from 0.
    """
    measured = np.isfinite(sigma)
    whole = _mean(intensity[measured] / epsilon[measured], sigma[measured] / epsilon[measured], 1.0)
    means = np.full(int(shell.max(initial=0)) + 1, whole)
    for number in range(len(means)):
        rows = measured & (shell == number)
        if rows.any():
            means[number] = _mean(intensity[rows] / epsilon[rows], sigma[rows] / epsilon[rows], 1e-3 * whole)
    return means[shell] * epsilon


def _mean(values: np.ndarray, sigma: np.ndarray, least: float) -> float:
    """Mean of intensities, whose own spread is about their mean."""
    mean = max(float(np.median(values)) if len(values) else 0.0, least)
    for _ in range(3):
        weights = 1 / (sigma**2 + mean**2)
        mean = max(float((weights * values).sum() / weights.sum()) if len(values) else 0.0, least)
    return mean
