"""What is drawn over the image: rings of resolution, the beam centre, and predicted spots."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from nbjax.config.tree import Config
from nbjax.explore.ground import Ground, ground_of
from nbjax.explore.model import Model
from nbjax.geometry.layout import Layout
from nbjax.pipeline.spots.prediction import predict
from nbjax.plot import Marks, marks_of, ring_spacings
from nbjax.plot.rings import within
from nbjax.plot.spots import reach
from nbjax.preparation.picture import layout_of

_POINTS, _POINTS_OF_SEVERAL = 181, 721
"""Along a ring of one panel, and of several, each of which shows a part of it."""
_MOST_SPOTS = 3000


def overlay_of(model: Model, config: Config) -> dict[str, Any]:
    """Rings, centre and spots in pixels of the picture, as the page draws them.

    Raises:
        NbjaxError: a fault of the configuration.
    """
    resolved, experiment = model.prepared(config)
    layout = layout_of(resolved)
    ground = ground_of(layout)
    with jax.enable_x64(True):
        crystals = range(len(experiment.crystals))
        tables = [jax.tree.map(np.asarray, predict(experiment, number)) for number in crystals]
    return {
        "rings": _rings(layout, ground),
        "centre": _centre(layout, ground),
        "spots": outlines(ground, marks_of(tables)),
    }


def outlines(ground: Ground, marks: Marks) -> list[list[Any]]:
    """Of each spot the centre, the longer and the shorter half axis of its ellipse, and its turn; name and photons.

    Args:
        ground: where the panels lie.
        marks: the spots, the brightest first.
    """
    spots = []
    for panel, centre, covariance, name, photons in list(
        zip(marks.panel.tolist(), marks.centre, marks.covariance, marks.names, marks.photons, strict=True)
    )[:_MOST_SPOTS]:
        edges = ground.edges(panel)
        squares, axes = np.linalg.eigh(edges.T @ reach(covariance) @ edges)
        turn = float(np.arctan2(axes[1, 1], axes[0, 1]))
        spots.append([*_short([*ground.place(panel, centre), *np.sqrt(squares[::-1]), turn]), name, float(photons)])
    return spots


def _rings(layout: Layout, ground: Ground) -> list[dict[str, Any]]:
    return [{"spacing_A": spacing, "line": _ring(layout, ground, spacing)} for spacing in ring_spacings(layout)]


def _ring(layout: Layout, ground: Ground, spacing_A: float) -> list[list[float] | None]:
    """Points of a ring in the picture, those of several panels one after the other; None where the line is broken."""
    assert layout.wavelength_A is not None
    sine = layout.wavelength_A / (2 * spacing_A)
    if len(layout.sizes) == 1:
        line = ground.place(0, layout.ring(0, sine, _POINTS))
        return [_short(at) if np.isfinite(at).all() else None for at in line]
    points: list[list[float] | None] = []
    for panel in range(len(layout.sizes)):
        line = ground.place(panel, within(layout, panel, layout.ring(panel, sine, _POINTS_OF_SEVERAL)))
        for at in line:
            if np.isfinite(at).all():
                points.append(_short(at))
            elif points and points[-1] is not None:
                points.append(None)
        points += [None] if points else []
    return points


def _centre(layout: Layout, ground: Ground) -> list[float] | None:
    # that of several panels is where the millimetres begin
    several = len(layout.sizes) > 1
    at = -np.divide(ground.corner_mm, ground.pixel_mm) if several else ground.place(0, layout.beam_centre(0))
    return _short(at) if np.isfinite(at).all() else None


def _short(numbers: Any) -> list[float]:
    """To a thousandth of a pixel."""
    return [round(float(number), 3) for number in numbers]
