"""Predicted spots on a picture: outlines, indices, and a closer look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib.patheffects as effects
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from nbjax.pipeline.spots.table import Spots
from nbjax.plot.sheet import Sheet
from nbjax.style import SPOT

_SIGMAS = 3.0
_LEAST_PX = 3.0
"""Half of the shortest axis of an outline, so that it goes around what it marks."""
_CORNERS = 48


@dataclass(frozen=True)
class Marks:
    """Spots as a picture shows them, the brightest first.

    Attributes:
        panel: number of the panel of each.
        centre: (fast, slow) in pixels, shape (n, 2).
        covariance: of (fast, slow) in square pixels, shape (n, 2, 2).
        names: "h k l" of each.
        photons: expected.
    """

    panel: np.ndarray
    centre: np.ndarray
    covariance: np.ndarray
    names: tuple[str, ...]
    photons: np.ndarray

    def __len__(self) -> int:
        return len(self.names)


def marks_of(crystals: Sequence[Spots], faintest: float = 1e-3) -> Marks:
    """The spots of crystals that are worth a mark.

    Args:
        crystals: a table for each, of NumPy arrays.
        faintest: photons over those of the brightest spot.
    """
    tables = [
        (spots.panel, spots.centre, spots.covariance, spots.miller_index, spots.photons)
        for spots in crystals
        if len(spots)
    ]
    if not tables:
        return Marks(np.zeros(0, int), np.zeros((0, 2)), np.zeros((0, 2, 2)), (), np.zeros(0))
    panel, centre, covariance, index, photons = (np.concatenate(parts) for parts in zip(*tables, strict=True))
    order = np.argsort(-photons, kind="stable")
    chosen = order[photons[order] > faintest * photons.max()]
    names = tuple(" ".join(map(str, hkl)) for hkl in index[chosen].tolist())
    return Marks(panel[chosen], centre[chosen], covariance[chosen], names, photons[chosen])


def reach(covariance: Float[np.ndarray, "*spots 2 2"]) -> Float[np.ndarray, "*spots 2 2"]:
    """Matrix A in square pixels of the ellipse x A^-1 x = 1 that goes around a spot."""
    return _SIGMAS**2 * covariance + _LEAST_PX**2 * np.eye(2)


def outline(centre: Float[np.ndarray, "2"], covariance: Float[np.ndarray, "2 2"]) -> Float[np.ndarray, "corners 2"]:
    """(fast, slow) in pixels of the corners of an ellipse that goes around a spot."""
    turn = np.linspace(0, 2 * np.pi, _CORNERS)
    return np.asarray(
        (centre[:, None] + np.linalg.cholesky(reach(covariance)) @ np.stack([np.cos(turn), np.sin(turn)])).T
    )


def draw_spots(axes: Axes, sheet: Sheet, marks: Marks, indices: int = 0) -> None:
    """Draw an outline around each spot.

    Args:
        axes: of the picture.
        sheet: the picture.
        marks: the spots.
        indices: how many of the brightest tell their h k l.
    """
    curves = [
        sheet.place(int(panel), outline(centre, covariance))
        for panel, centre, covariance in zip(marks.panel, marks.centre, marks.covariance, strict=True)
    ]
    axes.add_collection(LineCollection(curves, colors=SPOT, linewidths=0.6, gid="spots"), autolim=False)
    for curve, name in list(zip(curves, marks.names, strict=True))[:indices]:
        axes.annotate(
            name,
            (curve[:, 0].max(), curve[:, 1].mean()),
            xytext=(2, 0),
            textcoords="offset points",
            color=SPOT,
            fontsize=6,
            va="center",
            clip_on=True,
            annotation_clip=True,
            path_effects=[effects.withStroke(linewidth=1.5, foreground="white")],
        )
