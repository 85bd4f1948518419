"""The values that a quantity can have at all, between which a fit keeps it by default."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nbjax.constants import DEGREES_PER_RADIAN
from nbjax.experiment import Experiment
from nbjax.geometry.unit_cell import direct_vectors_m, invert_basis
from nbjax.parameters import Parameter, alone, crystal_of, key_of
from nbjax.preparation import place
from nbjax.quantities import QUANTITIES


@dataclass(frozen=True)
class Limits:
    """Ends of the values of a component, which it never reaches; infinite where there is none."""

    lower: float = -math.inf
    upper: float = math.inf


_TURNS = {"crystal.mosaic_spread_deg": 1.0, "crystal.mosaicity_deg": 2.0, "crystal.mosaicity_axes_deg": 2.0}
"""What turns domains, and how much wider these lie: a cap has the variance of a Gaussian of half its half-angle."""
_CELL = {"A": "crystal.cell_A", "degrees": "crystal.cell_deg"}


def limits_of(parameter: Parameter, experiment: Experiment) -> list[Limits]:
    """Limits of each component.

    Args:
        parameter: one of ``nbjax.parameters.parameters_of``.
        experiment: where a fit starts; decides how far apart spots are.
    """
    of = key_of(parameter.path)
    keys = [_CELL[unit] if of == "crystal.cell" else of for unit in parameter.unit]
    found = [Limits(QUANTITIES[key].possible.low, QUANTITIES[key].possible.high) for key in keys]
    if of in _TURNS:
        gap = spot_gap_deg(alone(experiment, crystal_of(parameter.path) or 0)) / _TURNS[of]
        return [Limits(limits.lower, min(limits.upper, gap)) for limits in found]
    return found


def spot_width_px(experiment: Experiment) -> float:
    """Width at half height of a spot of the crystal's size near the direct beam; of the middle of its axes.

    Of several crystals it is the widest, and 0 without any.
    """
    panels, beam = place(experiment.detector, experiment.beam.direction), experiment.beam
    edges_m = [float(np.median(np.asarray(c.cells * c.cell.lengths_m))) for c in experiment.crystals]
    spread = max((0.886 * float(beam.wavelength_m) / edge_m for edge_m in edges_m), default=0.0)
    # of several panels, the one that the beam comes nearest to
    away_m, pixel_m = np.abs(np.asarray(panels.distance_m)), np.asarray(experiment.detector.panels.pixel_size_m)
    return float(spread * np.min(away_m / pixel_m))


def spot_gap_deg(experiment: Experiment) -> float:
    """Angle between neighbouring reflections of the only crystal at the panel's outermost corner.

    Mosaic domains that are turned further than this put their spots onto those of others. Of the reciprocal axes the
    shortest counts.
    """
    panels, grid, beam = place(experiment.detector, experiment.beam.direction), experiment.grid, experiment.beam
    corners_m = []
    fast_m, slow_m = experiment.detector.panels.pixel_sizes_m
    for fast, slow in ((0, 0), (grid.fast, 0), (0, grid.slow), (grid.fast, grid.slow)):
        corners_m.append(panels.point(fast * fast_m, slow * slow_m, 0 * fast_m))
    corners = np.stack([np.stack([np.asarray(x) for x in corner], axis=-1) for corner in corners_m])
    directions = corners / np.linalg.norm(corners, axis=-1, keepdims=True)
    farthest = np.linalg.norm(directions - np.asarray(beam.direction), axis=-1).max() / float(beam.wavelength_m)
    shortest = np.linalg.norm(invert_basis(direct_vectors_m(experiment.crystal.cell)), axis=1).min()
    return float(shortest / farthest * DEGREES_PER_RADIAN)
