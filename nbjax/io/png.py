"""Pictures of images, as crystallographers know them: dark spots on white."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from nbjax.io.files import atomic_writer

_ABSENT = (200, 214, 229)
"""Colour of what no panel covers."""
_MARK = (220, 60, 40)


def write_png(path: str | Path, image: np.ndarray, marks: np.ndarray | None = None) -> None:
    """Write an image of shape (slow, fast) as an 8-bit grey PNG, one pixel a pixel. What is NaN is tinted.

    Contrast is linear around the background and logarithmic above it, so that a background stays light grey and weak
    reflections stay visible beside strong ones. What is not above zero is white, as is an image without contrast.

    Args:
        path: of the file.
        image: any numbers.
        marks: pixels that are drawn over, true, of its shape; None: none.

    Raises:
        FileError: it cannot be written.
    """
    buffer = io.BytesIO()
    picture = Image.fromarray(255 - grey(image))
    if (absent := np.isnan(image)).any():
        picture = picture.convert("RGB")
        picture.paste(_ABSENT, mask=Image.fromarray(absent))
    if marks is not None:
        picture = picture.convert("RGB")
        picture.paste(_MARK, mask=Image.fromarray(marks))
    picture.save(buffer, "PNG", optimize=True)
    with atomic_writer(path) as handle:
        handle.write(buffer.getvalue())


def grey(image: np.ndarray) -> np.ndarray:
    """Blackness 0..255 of each pixel as uint8, shape (slow, fast)."""
    values = np.clip(np.nan_to_num(np.asarray(image, float)), 0.0, None)
    if not values.size or values.min() == values.max():
        return np.zeros(values.shape, np.uint8)
    lit = values[values > 0]
    background = float(np.median(lit))
    spread = 1.4826 * float(np.median(np.abs(lit - background)))
    top = float(np.percentile(lit, 99.95, method="lower"))
    top = top if top > background else float(lit.max())
    # without spread, most lit pixels hold one and the same count: sparse photons, not a background
    floor = max(0.0, background - 3 * spread) if spread > 0 else 0.0
    soft = max(3 * spread, 0.002 * (top - floor), np.finfo(float).tiny)
    level = np.arcsinh((values - floor) / soft) / np.arcsinh(max((top - floor) / soft, 1.0))
    return np.rint(255 * np.clip(level, 0, 1)).astype(np.uint8)
