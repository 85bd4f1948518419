"""Rings of resolution with their labels, and the beam centre."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.patheffects as effects
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes

from nbjax.errors import ArgumentError
from nbjax.geometry.layout import Layout
from nbjax.plot.sheet import Sheet
from nbjax.style import CENTRE, RING

_COUNT = 5
_MARGIN = 0.05
"""Of a picture, in which no label has room."""
_KEPT: dict[str, Any] = {"scalex": False, "scaley": False}
"""The limits of the axes stay."""
_HALO = (effects.withStroke(linewidth=2.2, foreground="white"),)


def ring_spacings(layout: Layout, count: int = _COUNT) -> list[float]:
    """Round spacings d in Angstrom, evenly apart in 1/d from the beam to the farthest corner.

    Args:
        layout: where the pixels stand, and the wavelength.
        count: at most.
    """
    if layout.wavelength_A is None:
        return []
    finest = layout.wavelength_A / (2 * layout.largest_sine())
    spacings = [finest * count / (number - 0.4) for number in range(1, count + 1)]
    return sorted({float(f"{spacing:.2g}") for spacing in spacings}, reverse=True)


def draw_rings(
    axes: Axes, sheet: Sheet, layout: Layout, spacings_A: Sequence[float] | None = None, labels: bool = True
) -> list[float]:
    """Draw rings of resolution; those that can be seen, in Angstrom.

    Args:
        axes: of the picture.
        sheet: the picture.
        layout: where the pixels stand.
        spacings_A: d of each ring; None: some round ones.
        labels: whether each ring tells its d.

    Raises:
        ArgumentError: the wavelength is not told, or a ring of less than half of it.
    """
    if layout.wavelength_A is None:
        raise ArgumentError(f"{layout.source} tells no wavelength, without which rings have no d; give a configuration")
    drawn = []
    for spacing in ring_spacings(layout) if spacings_A is None else spacings_A:
        sine = layout.wavelength_A / (2 * spacing) if spacing > 0 else np.inf
        if not sine < 1:
            raise ArgumentError(
                f"a ring of {spacing:g} A: no reflection is finer than half the wavelength, "
                f"{layout.wavelength_A / 2:g} A; give a larger d"
            )
        seen = False
        for panel in range(len(layout.sizes)):
            curve = sheet.place(panel, within(layout, panel, layout.ring(panel, sine)))
            if not np.isfinite(curve).any():
                continue
            axes.plot(*curve.T, color=RING, linewidth=0.7, alpha=0.8, gid=f"ring {spacing:g}", **_KEPT)
            if labels and not seen:
                _label(axes, curve, f"{spacing:g} Å")
            seen = True
        drawn += [spacing] if seen else []
    return drawn


def draw_centre(axes: Axes, sheet: Sheet, layout: Layout) -> bool:
    """Mark where the beam meets the plane of the panels; whether that is on the picture."""
    at = np.zeros(2) if sheet.plates else layout.beam_centre(0)
    left, right, bottom, top = sheet.extent
    if not (left <= at[0] <= right and top <= at[1] <= bottom):
        return False
    axes.plot(*at, "+", color=CENTRE, markersize=10, markeredgewidth=1.4, gid="beam centre", **_KEPT)
    return True


def within(layout: Layout, panel: int, curve: Float[np.ndarray, "points 2"]) -> Float[np.ndarray, "points 2"]:
    """A curve of (fast, slow) in pixels, NaN outside of the panel."""
    slow, fast = layout.sizes[panel]
    with np.errstate(invalid="ignore"):
        inside = np.asarray(((curve >= 0) & (curve <= (fast, slow))).all(axis=-1))
    return np.where(inside[:, None], curve, np.nan)


def _label(axes: Axes, curve: np.ndarray, text: str) -> None:
    """Above and to the right of the middle, where the curve is not at an edge, if anywhere."""
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    share = (curve - (left, bottom)) / (right - left, top - bottom)
    with np.errstate(invalid="ignore"):
        there = np.flatnonzero(((share > _MARGIN) & (share < 1 - _MARGIN)).all(axis=1))
    if not len(there):
        return
    at = curve[there[np.argmax(share[there] @ np.array([0.5, 1.0]))]]
    axes.annotate(
        text,
        at,
        color=RING,
        fontsize=7.5,
        ha="center",
        va="center",
        path_effects=list(_HALO),
        annotation_clip=True,
        clip_on=True,
    )
