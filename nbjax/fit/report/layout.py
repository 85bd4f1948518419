"""Images of several panels laid out in space, for pictures."""

from __future__ import annotations

import jax
import numpy as np

from nbjax.experiment import Experiment
from nbjax.geometry.assembly import assembled, plates
from nbjax.preparation import place

_MOST_PIXELS = 6000
"""Along an edge of the picture; more are put together, whose residuals would not be those of pixels."""


def laid_out(
    experiment: Experiment, image: np.ndarray, model: np.ndarray, used: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Data, model and the pixels that count as pictures (down, right); those of one panel as they are."""
    if image.ndim == 2:
        return image, model, used
    beam, panels = experiment.beam, experiment.detector.panels
    placed = jax.tree.map(np.asarray, place(experiment.detector, beam.direction))
    fast_m, slow_m = (np.asarray(edge_m)[:, None] for edge_m in panels.pixel_sizes_m)
    counts = [_extent(there) for there in _there(experiment)]
    laid = plates(
        placed.origin_m,
        fast_m * placed.fast,
        slow_m * placed.slow,
        counts,
        np.asarray(beam.direction),
        np.asarray(beam.polarization_axis),
    )
    data, expected, counted = (assembled(part, laid, _MOST_PIXELS) for part in (image, model, used.astype(float)))
    return data, expected, counted == 1


def _there(experiment: Experiment) -> np.ndarray:
    return np.ones(experiment.grid.shape, bool) if experiment.mask is None else np.asarray(experiment.mask) > 0


def _extent(there: np.ndarray) -> tuple[int, int]:
    """(slow, fast) up to the last pixel that a panel has."""
    slow, fast = (np.flatnonzero(there.any(axis=axis)) for axis in (1, 0))
    return (int(slow[-1]) + 1, int(fast[-1]) + 1) if len(slow) else there.shape[:2]
