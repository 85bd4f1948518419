"""Photons to the integers of an image file, with the C program's rounding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_BRIGHTEST = 55000.0
_LARGEST = 65535.0


@dataclass(frozen=True)
class Statistics:
    """Of the pixels of a float32 image: the maximum, mean and root mean square of those that were computed, and the
    standard deviation over the region of interest."""

    maximum: float
    mean: float
    rms: float
    rmsd: float


def statistics(image: np.ndarray, evaluated: np.ndarray, in_roi: np.ndarray) -> Statistics:
    """Statistics of an image.

    Args:
        image: float32, shape (slow, fast).
        evaluated: pixels that were computed.
        in_roi: pixels inside the region of interest, masked or not.
    """
    image = image.astype(np.float32)
    values = image[evaluated]
    if not len(values):
        return Statistics(0.0, 0.0, 0.0, 0.0)
    mean = float(values.astype(float).sum()) / len(values)
    # the squares are 32-bit products, as in the C program
    rms = float(np.sqrt((values * values).astype(float).sum() / max(len(values) - 1, 1)))
    spread = image[in_roi].astype(float) - mean
    rmsd = float(np.sqrt((spread * spread).sum() / max(len(spread) - 1, 1)))
    return Statistics(float(values.max()), mean, rms, rmsd)


def integer_scale(found: Statistics) -> float:
    """Scale that makes the brightest pixel 55000."""
    return _BRIGHTEST / found.maximum if found.maximum > 0 else 1.0


def pgm_scale(found: Statistics, fallback: float) -> float:
    """Scale that makes five standard deviations 250."""
    return 250.0 / (5.0 * found.rmsd) if found.rmsd > 0 else fallback


def to_integers(image: np.ndarray, scale: float, adc_offset: float, in_roi: np.ndarray) -> np.ndarray:
    """Scaled, offset and rounded pixels as uint16, 0 outside the region of interest."""
    scaled = np.clip(image.astype(np.float32).astype(float) * scale + adc_offset, 0.0, _LARGEST)
    rounded = np.floor((scaled + 0.5).astype(np.float32))
    return np.where(in_roi, np.minimum(rounded, _LARGEST), 0).astype(np.uint16)


def to_pgm(image: np.ndarray, scale: float, in_roi: np.ndarray) -> np.ndarray:
    """Scaled pixels cut to uint8, 0 outside the region of interest."""
    scaled = np.clip(image.astype(np.float32).astype(float) * scale, 0.0, 255.0)
    return np.where(in_roi, scaled, 0).astype(np.uint8)


def noise_to_integers(counts: np.ndarray, adc_offset: float, in_roi: np.ndarray) -> tuple[np.ndarray, int]:
    """Photon counts plus offset, cut to uint16, and how many pixels were too bright for it."""
    shifted = np.where(in_roi, counts + adc_offset, 0.0)
    overloads = int((shifted > _LARGEST).sum())
    return np.clip(shifted, 0.0, _LARGEST).astype(np.uint16), overloads
