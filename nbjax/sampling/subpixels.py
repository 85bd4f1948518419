"""Points inside a pixel and inside the sensor."""

from __future__ import annotations

import numpy as np


def subpixel_offsets(oversample: int) -> np.ndarray:
    """Positions of the subpixel centres inside a pixel, in pixels, shape (oversample,)."""
    return (np.arange(oversample) + 0.5) / oversample


def layer_fractions(layers: int) -> np.ndarray:
    """Depth of each layer's centre as a fraction of the sensor's thickness, shape (layers,)."""
    return (np.arange(layers) + 0.5) / layers
