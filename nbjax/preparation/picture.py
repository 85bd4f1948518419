"""The picture of an image: as it is, or several panels laid out in space."""

from __future__ import annotations

import jax
import numpy as np

from nbjax.geometry.assembly import assembled, plates
from nbjax.preparation.detector import placed_panels
from nbjax.resolve import Resolved


def picture_of(resolved: Resolved, image: np.ndarray) -> np.ndarray:
    """What a picture shows of an image, shape (slow, fast), or (down, right) of several panels as seen along the beam.

    Args:
        resolved: the configuration.
        image: any numbers of each pixel, of the shape of ``simulate``.
    """
    if image.ndim == 2:
        return image
    d, placed = resolved.detector, jax.tree.map(np.asarray, placed_panels(resolved))
    fast_m, slow_m = (np.array([panel.pixel_mm[axis] for panel in d.panels])[:, None] / 1000 for axis in (0, 1))
    counts = [(panel.pixels[1], panel.pixels[0]) for panel in d.panels]
    laid = plates(
        placed.origin_m, fast_m * placed.fast, slow_m * placed.slow, counts, d.beam_direction, d.polarization_axis
    )
    return assembled(image, laid)
