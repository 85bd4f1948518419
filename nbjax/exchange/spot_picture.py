"""Outlines of spots on an image."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from nbjax.pipeline.spots.table import Spots
from nbjax.plot.spots import outline


def outlines(spots: Spots, shape: tuple[int, ...]) -> np.ndarray:
    """Pixels on the ellipses around spots, true, of the shape of an image.

    Args:
        spots: as many rows as there are spots, of numbers.
        shape: (slow, fast), or (panel, slow, fast).
    """
    slow, fast = shape[-2:]
    pictures = [Image.new("1", (fast, slow)) for _ in range(1 if len(shape) == 2 else shape[0])]
    for panel, centre, covariance in zip(
        np.asarray(spots.panel), np.asarray(spots.centre), np.asarray(spots.covariance), strict=True
    ):
        points = outline(centre, covariance) - 0.5
        ImageDraw.Draw(pictures[panel]).line([tuple(point) for point in points], fill=1)
    return np.stack([np.asarray(picture) for picture in pictures]).reshape(shape)
