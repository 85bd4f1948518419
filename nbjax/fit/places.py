"""Places of pixels in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int


def in_words(slow: int, fast: int, panel: str | None = None) -> str:
    """Where a pixel is; of several panels with the name of its own."""
    return f"at (slow, fast) = ({slow}, {fast})" + ("" if panel is None else f" of panel {panel}")


def split(pixel: Int[np.ndarray, " axes"], panels: Sequence[str]) -> tuple[int, int, str | None]:
    """Slow, fast and the name of the panel of a row (slow, fast), or (panel, slow, fast).

    Args:
        pixel: the row.
        panels: names of several.
    """
    *panel, slow, fast = (int(i) for i in pixel)
    return slow, fast, panels[panel[0]] if panel else None
