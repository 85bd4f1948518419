"""What the integer types of a dataset hold."""

from __future__ import annotations

import numpy as np

from nbjax.preparation.record import Recording

LARGEST = {"uint16": 65534, "uint32": 2**31 - 2}
"""What overloads of each integer type are cut to; readers keep the number above it for pixels without a value."""


def saturation_of(kind: str) -> int | None:
    """Brightest count that is no overload, for readers that trust a pixel up to this number; None of floats."""
    return LARGEST[kind] - 1 if kind in LARGEST else None


def overloads_of(pixels: np.ndarray) -> int:
    """Pixels that are too bright for their type."""
    largest = LARGEST.get(pixels.dtype.name)
    return 0 if largest is None else int((pixels >= largest).sum())


def saturation_warning(bright: int, affected: int, images: int, pixels: int, how: Recording) -> str | None:
    """A sentence for the user, where the type is too small for the images.

    Args:
        bright: pixels that are too bright.
        affected: images that have some.
        images: looked at.
        pixels: of an image.
        how: they are recorded.
    """
    kind, limit = how.kind.name, how.saturation_counts
    if limit is None or (affected <= images / 2 and bright <= 1e-3 * images * pixels):
        return None
    is_width = LARGEST.get(kind) == limit
    cut = f"cut to {limit}, the largest {kind}" if is_width else f"at {limit:.10g} or above, where the record ends"
    wider = ', or choose pixels = "uint32"' if is_width and kind == "uint16" else ""
    share = 100 * bright / (images * pixels)
    saturated = f"{affected} of {images} images are saturated: {share:.2g} % of their pixels are {cut}"
    return f"{saturated}; lower beam.fluence_photons_per_m2{wider}"
