"""What is drawn over the image: rings of resolution, the beam centre, and predicted spots."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from nbjax.config.tree import Config
from nbjax.explore.model import Model
from nbjax.geometry.layout import Layout
from nbjax.pipeline.spots.prediction import predict
from nbjax.plot import marks_of, ring_spacings
from nbjax.plot.spots import reach
from nbjax.preparation.picture import layout_of

_POINTS = 181
_MOST_SPOTS = 3000


def overlay_of(model: Model, config: Config) -> dict[str, Any]:
    """Rings, centre and spots in pixels (fast, slow), as the page draws them.

    Raises:
        NbjaxError: a fault of the configuration.
    """
    resolved, experiment = model.prepared(config)
    found = _rings(layout_of(resolved))
    with jax.enable_x64(True):
        crystals = range(len(experiment.crystals))
        tables = [jax.tree.map(np.asarray, predict(experiment, number)) for number in crystals]
    marks = marks_of(tables)
    spots = []
    for centre, covariance, name, photons in list(
        zip(marks.centre, marks.covariance, marks.names, marks.photons, strict=True)
    )[:_MOST_SPOTS]:
        squares, axes = np.linalg.eigh(reach(covariance))
        turn = float(np.arctan2(axes[1, 1], axes[0, 1]))
        spots.append([*_short([*centre, *np.sqrt(squares[::-1]), turn]), name, float(photons)])
    return {**found, "spots": spots}


def _rings(layout: Layout) -> dict[str, Any]:
    rings = []
    for spacing in ring_spacings(layout):
        assert layout.wavelength_A is not None
        line = layout.ring(0, layout.wavelength_A / (2 * spacing), _POINTS)
        rings.append({"spacing_A": spacing, "line": [_short(at) if np.isfinite(at).all() else None for at in line]})
    centre = layout.beam_centre(0)
    return {"rings": rings, "centre": _short(centre) if np.isfinite(centre).all() else None}


def _short(numbers: Any) -> list[float]:
    """To a thousandth of a pixel."""
    return [round(float(number), 3) for number in numbers]
