"""The plane of the page's picture: the pixels of one panel, or several panels as seen along the beam."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from nbjax.geometry.assembly import Plate, canvas
from nbjax.geometry.layout import Layout

_NONE_BINNED = 1 << 30
"""Pixels along a picture, of which none is put together with others."""


@dataclass(frozen=True)
class Ground:
    """Where the panels lie.

    Attributes:
        plates: the panels, in pixels of the picture.
        shape: (down, right) of the picture.
        pixel_mm: (right, down) edges of one of its pixels.
        corner_mm: (right, down) of its upper left corner: from the corner of the only panel, or from the beam.
    """

    plates: tuple[Plate, ...]
    shape: tuple[float, float]
    pixel_mm: tuple[float, float]
    corner_mm: tuple[float, float]

    def place(self, panel: int, at: Float[np.ndarray, "*points 2"]) -> Float[np.ndarray, "*points 2"]:
        """Where a place on a panel, given as (fast, slow) in pixels, is in the picture, as (right, down)."""
        return self.plates[panel].origin + at @ self.edges(panel)

    def edges(self, panel: int) -> Float[np.ndarray, "2 2"]:
        """The edges of a pixel of a panel along fast and slow, as rows of (right, down)."""
        return np.stack([self.plates[panel].fast, self.plates[panel].slow])

    def described(self, names: Sequence[str]) -> dict[str, Any]:
        """The ground as the page takes it.

        Args:
            names: of the panels; none of a single one.
        """
        down, right = self.shape
        panels = [
            {
                "name": name,
                "slow": plate.pixels[0],
                "fast": plate.pixels[1],
                "corner": plate.origin.tolist(),
                "edges": self.edges(number).tolist(),
            }
            for number, (plate, name) in enumerate(zip(self.plates, names or [""], strict=True))
        ]
        return {
            "right": right,
            "down": down,
            "pixel_mm": self.pixel_mm,
            "corner_mm": self.corner_mm,
            "panels": panels,
        }


def ground_of(layout: Layout) -> Ground:
    """The plane that an image is drawn on.

    Args:
        layout: where its pixels stand.
    """
    if len(layout.sizes) == 1:
        slow, fast = layout.sizes[0]
        plate = Plate(np.zeros(2), np.array([1.0, 0.0]), np.array([0.0, 1.0]), (slow, fast))
        return Ground((plate,), (slow, fast), layout.pixel_mm, (0.0, 0.0))
    panels = layout.plates()
    held = canvas(panels, _NONE_BINNED)
    plates = tuple(
        Plate((each.origin - held.low) / held.step, each.fast / held.step, each.slow / held.step, each.pixels)
        for each in panels
    )
    right_mm, down_mm = (1000 * held.low).tolist()
    return Ground(plates, held.shape, (1000 * held.step, 1000 * held.step), (right_mm, down_mm))
