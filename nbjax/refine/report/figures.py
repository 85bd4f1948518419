"""Pictures of refined stills: how shots are spread, and a shot's spots on its image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nbjax.fit.report.figures import CloseUp, draw_close_ups
from nbjax.plot.scale import Scale
from nbjax.refine.outcome import ShotResult
from nbjax.style import ABSENT, SERIES, styled

_MOST_BINS = 40
_COLUMNS = 4


def histograms(values: Sequence[tuple[str, np.ndarray]]) -> Figure:
    """How numbers of the shots are spread, each with a line at its median.

    Args:
        values: names with units, and the number of each shot.
    """
    with styled():
        rows = -(-len(values) // _COLUMNS)
        figure = Figure(figsize=(2.9 * _COLUMNS, 2.2 * rows), layout="constrained")
        axes = figure.subplots(rows, _COLUMNS, squeeze=False)
        for axis in axes.flat[len(values) :]:
            axis.set_visible(False)
        for axis, (name, numbers) in zip(axes.flat, values, strict=False):
            known = numbers[np.isfinite(numbers)]
            axis.set_xlabel(name)
            axis.set_yticks([])
            axis.spines["left"].set_visible(False)
            if len(known):
                # beyond the outermost hundredths there may be anything
                low, high = np.percentile(known, [1, 99])
                bins = int(np.clip(2 * np.sqrt(len(known)), 4, _MOST_BINS))
                edges = np.linspace(low, high if high > low else low + max(abs(low), 1.0) * 1e-3, bins + 1)
                axis.hist(known.clip(edges[0], edges[-1]), edges, color=SERIES[0])
                axis.axvline(np.median(known), color=SERIES[1], linewidth=1.2)
                axis.set_title(f"median {np.median(known):.5g}")
                axis.xaxis.set_major_locator(MaxNLocator(4))
                axis.ticklabel_format(axis="x", useOffset=False)
        return figure


def close_ups(shot: ShotResult) -> Figure:
    """The brightest spots of a shot: pixels, model with its background, and residual of each."""
    parts = [
        CloseUp(
            f"{' '.join(map(str, shot.hkl[row]))}\npeak {np.nanmax(data, initial=0):.3g}",
            np.nan_to_num(data),
            model,
            np.isfinite(data),
        )
        for row, data, model in zip(shot.shown, shot.shown_data, shot.shown_model, strict=True)
    ]
    return draw_close_ups(parts)


def spots_on_image(shot: ShotResult, photons: np.ndarray, usable: np.ndarray) -> Figure:
    """The panels that have spots of a shot, with the places of the model and those of the indexing.

    Args:
        shot: the shot.
        photons, usable: of its image, shape (panel, slow, fast).
    """
    with styled():
        panels, counts = np.unique(shot.panel, return_counts=True)
        panels = panels[np.argsort(-counts, kind="stable")][:_COLUMNS]
        figure = Figure(figsize=(11.4, 11.4 / max(len(panels), 1.6)), layout="constrained")
        for axis, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
            image = np.where(usable[panel], photons[panel], np.nan)
            axis.imshow(image, norm=Scale().norm(image), cmap="Greys", extent=(0, image.shape[1], image.shape[0], 0))
            axis.set_facecolor(ABSENT)
            own = shot.panel == panel
            axis.plot(*shot.centre[own].T, "o", markersize=9, markerfacecolor="none", color=SERIES[1], label="model")
            axis.plot(*shot.observed[own].T, "+", markersize=5, color=SERIES[0], label="indexed")
            axis.set_xlabel("fast (px)")
            axis.set_ylabel("slow (px)")
            if len(panels) > 1:
                axis.set_title(f"panel {panel}")
        axis.legend(frameon=True, fontsize=8, loc="upper right")
        return figure


def photons_and_places(shot: ShotResult) -> Figure:
    """Photons of the spots against those of the model, and how far indexed places are from the model's."""
    with styled():
        figure = Figure(figsize=(9.0, 3.8), layout="constrained")
        left, right = figure.subplots(1, 2)
        left.errorbar(
            shot.model, shot.photons, shot.photons_sigma, fmt="o", markersize=3, linewidth=0.8, color=SERIES[0]
        )
        top = max(float(shot.model.max(initial=1.0)), 1.0)
        left.plot([0, top], [0, top], color=ABSENT, linewidth=1.2, zorder=0)
        left.set_xlabel("photons of the model")
        left.set_ylabel("photons")
        right.axhline(0, color=ABSENT, linewidth=1.2)
        right.axvline(0, color=ABSENT, linewidth=1.2)
        right.plot(*(shot.observed - shot.centre).T, "o", markersize=3, color=SERIES[0])
        right.set_aspect("equal", adjustable="datalim")
        right.set_title("indexed less model")
        right.set_xlabel("fast (px)")
        right.set_ylabel("slow (px)")
        return figure
