"""Outlines of spots on an image."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from nbjax.pipeline.spots.table import Spots

_SIGMAS = 3.0
_LEAST_PX = 3.0
"""Half of the shortest axis of an outline, so that it goes around what it marks."""
_CORNERS = 48


def outlines(spots: Spots, shape: tuple[int, ...]) -> np.ndarray:
    """Pixels on the ellipses around spots, true, of the shape of an image.

    Args:
        spots: as many rows as there are spots, of numbers.
        shape: (slow, fast), or (panel, slow, fast).
    """
    slow, fast = shape[-2:]
    pictures = [Image.new("1", (fast, slow)) for _ in range(1 if len(shape) == 2 else shape[0])]
    turn = np.linspace(0, 2 * np.pi, _CORNERS)
    circle = np.stack([np.cos(turn), np.sin(turn)])
    for panel, centre, covariance in zip(
        np.asarray(spots.panel), np.asarray(spots.centre), np.asarray(spots.covariance), strict=True
    ):
        wide = _SIGMAS**2 * covariance + _LEAST_PX**2 * np.eye(2)
        points = centre[:, None] + np.linalg.cholesky(wide) @ circle - 0.5
        ImageDraw.Draw(pictures[panel]).line([tuple(point) for point in points.T], fill=1)
    return np.stack([np.asarray(picture) for picture in pictures]).reshape(shape)
