"""What the integer types of a dataset hold."""

from __future__ import annotations

import numpy as np

LARGEST = {"uint16": 65534, "uint32": 2**31 - 2}
"""What overloads of each integer type are cut to; readers keep the number above it for pixels without a value."""


def saturation_of(kind: str) -> int | None:
    """Brightest count that is no overload, for readers that trust a pixel up to this number; None of floats."""
    return LARGEST[kind] - 1 if kind in LARGEST else None


def overloads_of(pixels: np.ndarray) -> int:
    """Pixels that are too bright for their type."""
    largest = LARGEST.get(pixels.dtype.name)
    return 0 if largest is None else int((pixels >= largest).sum())
