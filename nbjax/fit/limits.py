"""The values that a quantity can have at all, between which a fit keeps it by default."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nbjax.constants import DEGREES_PER_RADIAN
from nbjax.experiment import Experiment
from nbjax.geometry.panel import place_panel, point_on_panel
from nbjax.geometry.unit_cell import direct_vectors_m, invert_basis
from nbjax.parameters import Parameter


@dataclass(frozen=True)
class Limits:
    """Ends of the values of a component, which it never reaches; infinite where there is none."""

    lower: float = -math.inf
    upper: float = math.inf


_NONE, _POSITIVE, _ANGLE = Limits(), Limits(0.0), Limits(0.0, 180.0)
_LIMITS = {
    "beam.wavelength_A": _POSITIVE,
    "beam.energy_eV": _POSITIVE,
    "beam.fluence_photons_per_m2": _POSITIVE,
    "beam.polarization": Limits(-1.0, 1.0),
    "beam.divergence_horizontal_mrad": _POSITIVE,
    "beam.divergence_vertical_mrad": _POSITIVE,
    "beam.dispersion_percent": Limits(0.0, 100.0),
    "beam.source_wavelengths_A": _POSITIVE,
    "beam.source_weights": _POSITIVE,
    "crystal.cell_A": _POSITIVE,
    "crystal.cell_deg": _ANGLE,
    "crystal.cells": Limits(1.0),
    "crystal.size_a_mm": _POSITIVE,
    "crystal.size_b_mm": _POSITIVE,
    "crystal.size_c_mm": _POSITIVE,
    "crystal.fudge": _POSITIVE,
    "crystal.default_F": _POSITIVE,
    "crystal.water_um": _POSITIVE,
    "detector.pixel_mm": _POSITIVE,
    "detector.distance_mm": _POSITIVE,
    "detector.close_distance_mm": _POSITIVE,
    "detector.thickness_um": _POSITIVE,
    "detector.attenuation_depth_um": _POSITIVE,
    "scale": _POSITIVE,
}


def limits_of(parameter: Parameter, experiment: Experiment) -> list[Limits]:
    """Limits of each component.

    Args:
        parameter: one of ``nbjax.parameters.parameters_of``.
        experiment: where a fit starts; decides how far apart spots are.
    """
    if parameter.path == "crystal.cell":
        return [_POSITIVE if unit == "A" else _ANGLE for unit in parameter.unit]
    if parameter.path == "crystal.mosaic_spread_deg":
        return [Limits(0.0, spot_gap_deg(experiment))]
    return [_LIMITS.get(parameter.path, _NONE)] * len(parameter.labels)


def spot_gap_deg(experiment: Experiment) -> float:
    """Angle between neighbouring reflections at the panel's outermost corner.

    Mosaic domains that are turned further than this put their spots onto those of others. Of the reciprocal axes the
    shortest counts.
    """
    panel, grid, beam = place_panel(experiment.panel, experiment.beam.direction), experiment.grid, experiment.beam
    size = experiment.panel.pixel_size_m
    fast, slow = (np.array(ends, float) for ends in ((0, grid.fast, 0, grid.fast), (0, 0, grid.slow, grid.slow)))
    corners = np.stack([np.asarray(x) for x in point_on_panel(panel, size * fast, size * slow, 0 * size)], axis=-1)
    directions = corners / np.linalg.norm(corners, axis=-1, keepdims=True)
    farthest = np.linalg.norm(directions - np.asarray(beam.direction), axis=-1).max() / float(beam.wavelength_m)
    shortest = np.linalg.norm(invert_basis(direct_vectors_m(experiment.crystal.cell)), axis=1).min()
    return float(shortest / farthest * DEGREES_PER_RADIAN)
