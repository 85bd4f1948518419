"""From numbers to colours: robust limits, and a logarithmic, square-root or linear course between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib.colors import LogNorm, Normalize, PowerNorm

Course = Literal["auto", "log", "sqrt", "linear"]
COURSES: tuple[Course, ...] = ("auto", "log", "sqrt", "linear")
_LOW, _HIGH = 1.0, 99.95
"""Percentiles of the limits."""
_DECADES = 5.0
"""Of a logarithmic course at most: what is fainter is as good as nothing."""
_WIDE = 300.0
"""Upper over lower limit from which a logarithm shows more than a square root."""


@dataclass(frozen=True)
class Scale:
    """A course, and the limits where they are chosen.

    Attributes:
        course: "auto" takes a logarithm where the limits are far apart, and a square root elsewhere.
        low, high: what is white and what is black; None: by percentiles.
    """

    course: Course = "auto"
    low: float | None = None
    high: float | None = None

    def norm(self, *images: np.ndarray) -> Normalize:
        """Matplotlib's norm for images that are to be compared.

        Args:
            images: any numbers; NaN does not count.
        """
        values = np.concatenate([np.ravel(image)[np.isfinite(np.ravel(image))] for image in images] or [np.zeros(0)])
        positive = values[values > 0]
        high = self.high if self.high is not None else _high(positive if positive.size else values)
        faintest = max(float(np.percentile(positive, _LOW)) if positive.size else 0.0, high * 10**-_DECADES)
        course = self.course
        if course == "auto":
            course = "log" if high > _WIDE * faintest > 0 else "sqrt"
        if course == "log":
            low = self.low if self.low is not None and self.low > 0 else min(faintest, high / 10)
            return LogNorm(low, high, clip=True) if 0 < low < high else LogNorm(1e-3, 1.0, clip=True)
        low = self.low if self.low is not None else float(np.percentile(values, _LOW)) if values.size else 0.0
        high = high if high > low else low + 1.0
        return PowerNorm(0.5, low, high, clip=True) if course == "sqrt" else Normalize(low, high, clip=True)


def _high(values: np.ndarray) -> float:
    """The brightest but for a few, or the brightest where those few are all there is."""
    if not values.size:
        return 1.0
    robust, background = (float(np.percentile(values, share)) for share in (_HIGH, 50.0))
    top = float(values.max())
    # spots of few pixels are not outliers: a limit within the background would hide how bright they are
    return robust if robust > 3 * abs(background) else top
