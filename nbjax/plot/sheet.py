"""One picture of an image, and where each place of a panel is on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from nbjax.errors import ArgumentError
from nbjax.geometry.assembly import Plate, assembled, brightest, canvas
from nbjax.geometry.layout import Layout
from nbjax.io.images.recorded import other_size

MOST = 1600
"""Pixels along the longer edge of a picture; the brightest of more stands for them."""


@dataclass(frozen=True)
class Sheet:
    """A picture.

    Attributes:
        picture: numbers, NaN where there are none, shape (down, right).
        extent: left, right, bottom and top in the unit of the axes.
        unit: "px" from the corner of the first pixel, or "mm" from the beam for panels laid out in space.
        pixel_mm: (fast, slow) edges of a pixel, or None where it is not told.
        plates: the panels of "mm", else none.
    """

    picture: Float[np.ndarray, "down right"]
    extent: tuple[float, float, float, float]
    unit: str
    pixel_mm: tuple[float, float] | None
    plates: tuple[Plate, ...] = ()

    def place(self, panel: int, at: Float[np.ndarray, "*points 2"]) -> Float[np.ndarray, "*points 2"]:
        """Where a place on a panel, given as (fast, slow) in pixels, is on the axes."""
        if not self.plates:
            return at
        plate = self.plates[panel]
        return 1000 * (plate.origin + at @ np.stack([plate.fast, plate.slow]))


def sheet_of(values: Float[np.ndarray, "..."], layout: Layout | None = None, most: int = MOST) -> Sheet:
    """The picture of an image.

    Args:
        values: (slow, fast), or (panel, slow, fast), which is laid out in space where the layout is told, and stacked
            where it is not.
        layout: where the pixels stand.
        most: pixels along the longer edge.

    Raises:
        ArgumentError: the layout is of another image.
    """
    if layout is not None:
        if values.shape != layout.shape:
            raise ArgumentError(f"the image {other_size(values.shape, layout.shape, 'the layout')}; give its own")
        if len(layout.sizes) > 1:
            plates = layout.plates()
            ground = canvas(plates, most)
            left, top = 1000 * ground.low
            right, bottom = 1000 * (ground.low + ground.step * np.array(ground.shape[::-1]))
            picture = assembled(values, plates, most)
            return Sheet(picture, (left, right, bottom, top), "mm", layout.pixel_mm, tuple(plates))
    flat = values.reshape(-1, values.shape[-1])
    binned = max(1, -(-max(flat.shape) // most))
    picture = brightest(flat, binned)
    down, right = picture.shape
    extent = (0.0, float(right * binned), float(down * binned), 0.0)
    return Sheet(picture, extent, "px", None if layout is None else layout.pixel_mm)
