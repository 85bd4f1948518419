"""By how much two results of the same pixels differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

FAINT = 0.1
"""Of the brightest spot: fainter ones are compared with so much of it."""


@dataclass(frozen=True)
class PixelList:
    """The pixels that stand for an image.

    Attributes:
        at: (slow, fast) of each, or (panel, slow, fast), shape (n, axes).
        spot: number of the spot that each belongs to, -1 of none, shape (n,).
        weights: the sum of the pixels by these estimates the image's total, shape (n,).
    """

    at: Int[np.ndarray, "n axes"]
    spot: Int[np.ndarray, " n"]
    weights: Float[np.ndarray, " n"]

    @property
    def spots(self) -> int:
        """How many spots there are."""
        return int(self.spot.max(initial=-1)) + 1


@dataclass(frozen=True)
class Change:
    """Relative differences of two results.

    Attributes:
        pixel: the largest of a pixel, over the largest pixel.
        spot: the largest of a spot's sum, over that sum, or over ``FAINT`` of the brightest spot's if that is more.
        total: of the total.
    """

    pixel: float
    spot: float
    total: float

    @property
    def largest(self) -> float:
        """What is compared with the wanted error."""
        return max(self.pixel, self.spot, self.total)


def change(pixels: PixelList, coarse: Float[np.ndarray, " n"], fine: Float[np.ndarray, " n"]) -> Change:
    """The change from one result to a finer one, relative to the finer.

    Args:
        pixels: which they are of.
        coarse, fine: photons, shape (n,).
    """
    here = pixels.spot >= 0
    before, after = (np.bincount(pixels.spot[here], of[here], pixels.spots) for of in (coarse, fine))
    return Change(
        _relative(np.abs(coarse - fine).max(initial=0.0), fine.max(initial=0.0)),
        max(
            (_relative(abs(a - b), max(b, FAINT * after.max(initial=0.0))) for a, b in zip(before, after, strict=True)),
            default=0.0,
        ),
        _relative(abs(float(pixels.weights @ (coarse - fine))), float(pixels.weights @ fine)),
    )


def _relative(difference: float, whole: float) -> float:
    """Where the finer result is dark, whatever the coarser has is all wrong."""
    return float(difference / whole) if whole > 0 else float(difference > 0)
