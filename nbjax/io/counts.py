"""Scales that turn photons into the integers of an image file, as the C program chooses them, and its graymaps."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

_BRIGHTEST = 55000.0


@dataclass(frozen=True)
class Statistics:
    """Summary of a float32 image.

    Attributes:
        maximum: brightest computed pixel, at least 0.
        mean, rms: mean and root mean square of the computed pixels.
        rmsd: root mean square distance from that mean over the region of interest.
    """

    maximum: float
    mean: float
    rms: float
    rmsd: float


def statistics(image: np.ndarray, evaluated: np.ndarray, in_roi: np.ndarray) -> Statistics:
    """Statistics of an image.

    Args:
        image: float32, shape (slow, fast).
        evaluated: bool, pixels that were computed.
        in_roi: bool, pixels inside the region of interest, masked or not.
    """
    image = image.astype(np.float32)
    values = image[evaluated]
    mean = _total(values) / max(len(values), 1)
    with np.errstate(over="ignore"):
        # the squares are 32-bit products, as in the C program
        rms = math.sqrt(_total(values * values) / max(len(values) - 1, 1))
    spread = image[in_roi].astype(float) - mean
    rmsd = math.sqrt(_total(spread * spread) / max(len(spread) - 1, 1))
    return Statistics(float(values.max(initial=0.0)), mean, rms, rmsd)


def _total(values: np.ndarray) -> float:
    """Sum pixel after pixel: NumPy's pairwise sum would differ from the C program's in the last digit."""
    return float(np.add.accumulate(values, dtype=float)[-1]) if len(values) else 0.0


def integer_scale(found: Statistics) -> float:
    """Scale that makes the brightest pixel 55000."""
    return _BRIGHTEST / found.maximum if found.maximum > 0 else 1.0


def pgm_scale(found: Statistics, fallback: float) -> float:
    """Scale that makes five standard deviations 250."""
    return 250.0 / (5.0 * found.rmsd) if found.rmsd > 0 else fallback


def to_pgm(image: np.ndarray, scale: float, in_roi: np.ndarray) -> np.ndarray:
    """Scaled pixels cut to uint8, 0 outside the region of interest."""
    scaled = np.clip(image.astype(np.float32).astype(float) * scale, 0.0, 255.0)
    return np.where(in_roi, scaled, 0).astype(np.uint8)
