"""8-bit portable graymaps."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nbjax.io.files import atomic_writer


def write_pgm(path: str | Path, pixels: np.ndarray, scale: float) -> None:
    """Write uint8 pixels (slow, fast); the scale goes into a comment."""
    slow, fast = pixels.shape
    with atomic_writer(path) as handle:
        handle.write(f"P5\n{fast} {slow}\n# pixels scaled by {scale:g}\n255\n".encode())
        handle.write(np.ascontiguousarray(pixels, np.uint8).tobytes())
