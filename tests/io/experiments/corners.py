"""Outer corners of panels, as readers have them and as NumPy has them from a file's definitions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nbjax.io.experiments.recorded import RecordedPanel


def corners_mm(panel: RecordedPanel) -> np.ndarray:
    """The four outer corners as a reader has them, shape (4, 3)."""
    fast, slow = panel.fast / np.linalg.norm(panel.fast), panel.slow / np.linalg.norm(panel.slow)
    width, height = (count * edge for count, edge in zip(panel.pixels, panel.pixel_mm, strict=True))
    return np.array([panel.origin_mm + i * width * fast + j * height * slow for i in (0, 1) for j in (0, 1)])


def spanned(origin: Sequence[float] | np.ndarray, fast: np.ndarray, slow: np.ndarray) -> np.ndarray:
    """The four corners of a parallelogram, its edges as vectors, shape (4, 3)."""
    return np.array([np.asarray(origin) + i * fast + j * slow for i in (0, 1) for j in (0, 1)])
