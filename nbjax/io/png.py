"""Pictures of images, as crystallographers know them: dark spots on white."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from nbjax.io.files import atomic_writer

_SOFTENING = 0.02


def write_png(path: str | Path, image: np.ndarray) -> None:
    """Write an image (slow, fast) as an 8-bit grey PNG, one pixel a pixel.

    Contrast follows asinh from a linear foot to a logarithmic head and is black at a high percentile of the lit
    pixels, so that weak reflections stay visible beside strong ones.
    """
    buffer = io.BytesIO()
    Image.fromarray(255 - grey(image)).save(buffer, "PNG", optimize=True)
    with atomic_writer(path) as handle:
        handle.write(buffer.getvalue())


def grey(image: np.ndarray) -> np.ndarray:
    """Blackness 0..255 of each pixel as uint8, shape (slow, fast)."""
    values = np.clip(np.asarray(image, float), 0.0, None)
    lit = values[values > 0]
    if not len(lit):
        return np.zeros(values.shape, np.uint8)
    top = float(np.percentile(lit, 99.9))
    top = top if top > 0 else float(lit.max())
    level = np.arcsinh(values / (top * _SOFTENING)) / np.arcsinh(1 / _SOFTENING)
    return np.rint(255 * np.clip(level, 0, 1)).astype(np.uint8)
