"""How far panels have moved, as a table and a picture."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from nbjax.geometry.frames import across, unit
from nbjax.io.experiments.recorded import RecordedPanel
from nbjax.refine.metrology import Metrology
from nbjax.style import ABSENT, SERIES, rendered, styled

_COLUMNS = tuple(f"{kind}_{axis}_{of}" for kind, of in (("shift", "mm"), ("rotation", "deg")) for axis in "xyz")
_LONGEST = 0.08
"""Of an arrow, over the width of the detector."""
_EACH_WAY = 3


def motions_csv(found: Metrology) -> bytes:
    """A row for each group: its spots, its shifts and turns, and their standard deviations against the whole."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["name", "spots", *_COLUMNS, *(f"sigma_{name}" for name in _COLUMNS)])
    units = np.array([1e3] * 3 + [180 / np.pi] * 3)
    for name, spots, motion, sigma in zip(found.movers.names, found.spots, found.motions, found.sigma, strict=True):
        writer.writerow([name, int(spots), *(f"{value:.7g}" for value in (*motion * units, *sigma * units))])
    return text.getvalue().encode()


def displacement_figure(
    before: Sequence[RecordedPanel], after: Sequence[RecordedPanel], beam: Float[np.ndarray, "3"]
) -> Figure:
    """The panels as seen along the beam, and how far points on them have moved across it, and along it.

    Args:
        before, after: the panels, in the same laboratory.
        beam: its direction.
    """
    away = unit(np.asarray(beam, float))
    right = across(before[0].fast, away)
    view = np.stack([right, np.cross(away, right), away])
    grids = [np.array([view @ point for point in _points(panel)]) for panel in before]
    moves = [np.array([view @ point for point in _points(panel)]) - at for panel, at in zip(after, grids, strict=True)]
    at, move = np.concatenate(grids), np.concatenate(moves)
    outlines = [(panel.corners_mm[[0, 1, 3, 2]] @ view.T)[:, :2] for panel in before]
    with styled():
        figure = Figure(figsize=(9.6, 4.6), layout="constrained")
        axes = figure.subplots(1, 2, sharex=True, sharey=True)
        width = float(np.ptp(np.concatenate(outlines), axis=0).max())
        longest = float(np.hypot(*move[:, :2].T).max())
        axes[0].add_collection(PolyCollection(outlines, facecolor="none", edgecolor=ABSENT))
        arrows = axes[0].quiver(
            *at[:, :2].T,
            *move[:, :2].T,
            color=SERIES[0],
            angles="xy",
            scale_units="xy",
            scale=max(longest, 1e-9) / (_LONGEST * width),
            width=0.003,
        )
        axes[0].quiverkey(arrows, 0.85, 1.04, longest, f"{1000 * longest:.3g} µm", labelpos="W")
        axes[0].set_title("across the beam")
        along = [float(1000 * each[:, 2].mean()) for each in moves]
        most = max(max(map(abs, along)), 1e-6)
        drawn = PolyCollection(outlines, array=np.array(along), cmap="RdBu_r", edgecolor=ABSENT)
        drawn.set_clim(-most, most)
        axes[1].add_collection(drawn)
        figure.colorbar(drawn, ax=axes[1], label="µm", shrink=0.85, pad=0.01)
        axes[1].set_title("along the beam")
        for axis in axes:
            axis.set_aspect("equal")
            axis.autoscale_view()
            axis.set_xlabel("mm")
        axes[0].invert_yaxis()
        axes[0].set_ylabel("mm")
        return figure


def displacement_png(
    before: Sequence[RecordedPanel], after: Sequence[RecordedPanel], beam: Float[np.ndarray, "3"]
) -> bytes:
    """See ``displacement_figure``."""
    return rendered(displacement_figure(before, after, beam))


def _points(panel: RecordedPanel) -> Float[np.ndarray, "points 3"]:
    """Some points that are spread evenly over a panel, in mm."""
    parts = (np.arange(_EACH_WAY) + 0.5) / _EACH_WAY
    (fast, slow), (width, height) = panel.unit_axes, panel.size_mm
    return np.array([panel.origin_mm + a * width * fast + b * height * slow for a in parts for b in parts])
