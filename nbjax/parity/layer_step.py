"""layer_step: where the C program puts the layers of a sensor."""

from __future__ import annotations

import numpy as np


def layer_fractions(layers: int, count_given: bool) -> tuple[np.ndarray, float]:
    """Depths of the layers and their spacing, as fractions of the sensor's thickness."""
    if layers == 1:
        return np.zeros(1), 1.0
    spacing = 1.0 / (layers - 1) if count_given else 1.0 / layers
    return np.arange(layers) * spacing, spacing
