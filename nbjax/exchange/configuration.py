"""The configuration of a recorded experiment: every axis by its own key, the crystal by its misset."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nbjax.config.edit import with_values
from nbjax.config.tree import Config
from nbjax.constants import DEGREES_PER_RADIAN
from nbjax.errors import FileError
from nbjax.exchange.combination import Combination, cell_of_experiment
from nbjax.geometry.frames import across, unit
from nbjax.geometry.unit_cell import setting_of
from nbjax.io.experiments.recorded import MOSFLM, RecordedExperiment, RecordedPanel
from nbjax.io.experiments.words import floats
from nbjax.resolve.panels import axes_of, panel_values
from nbjax.rotations import xyz_angles

_SQUARE = 2e-4
"""Relative difference of the edges of pixels that count as square."""
_BLOCK_A = 1000.0
"""Edge of a block of the crystal, which no file tells: spots of a few pixels."""

Values = dict[str, Any]


def configuration(found: Combination, panel: RecordedPanel | None) -> Config:
    """The configuration of an experiment, with nothing in it that no file tells but structure factors and a size.

    Args:
        found: what the files say.
        panel: the panel that is taken; None: all that the files have.

    Raises:
        FileError: a panel that nbjax has not, or an orientation that is none.
    """
    experiment = found.experiment
    values = _crystal(found) | _beam(experiment) | _scan(experiment)
    if _needs_axes(experiment):
        values |= axes_of(experiment) | _detector(found, panel)
    return with_values(Config(), values)


def _needs_axes(experiment: RecordedExperiment) -> bool:
    """Whether something is told that the laboratory of the default convention does not have."""
    if experiment.beam.direction is not None or experiment.panels or experiment.scan is not None:
        return True
    oriented = experiment.crystal is not None and experiment.crystal.direct_A is not None
    return oriented and experiment.frame is not None and experiment.frame != MOSFLM


def _crystal(found: Combination) -> Values:
    crystal, cell = found.experiment.crystal, cell_of_experiment(found.experiment)
    values: Values = {"crystal.default_F": 1.0}
    if crystal is None or cell is None:
        return values
    values |= {"crystal.cell_A": floats(cell[:3]), "crystal.cell_deg": floats(cell[3:])}
    values["crystal.cells"] = tuple(float(max(3, math.ceil(_BLOCK_A / length))) for length in cell[:3])
    if crystal.direct_A is not None:
        orientation = setting_of(crystal.direct_A, found.sources["orientation"])[2]
        with jax.enable_x64(True):
            misset_rad = np.asarray(xyz_angles(jnp.asarray(orientation)))
        values["crystal.misset_deg"] = floats(misset_rad * DEGREES_PER_RADIAN)
    return values


def _beam(experiment: RecordedExperiment) -> Values:
    values: Values = {}
    if experiment.beam.wavelength_A is not None:
        values["beam.wavelength_A"] = float(experiment.beam.wavelength_A)
    if experiment.beam.kahn_factor is not None:
        values["beam.polarization"] = float(experiment.beam.kahn_factor)
    return values


def _scan(experiment: RecordedExperiment) -> Values:
    scan, image = experiment.scan, experiment.image
    if scan is None or image is None:
        return {}
    values: Values = {"crystal.phi_start_deg": float(scan.start_of(image))}
    if scan.width_deg:
        values["crystal.phi_range_deg"] = float(scan.width_deg)
    return values


def _detector(found: Combination, panel: RecordedPanel | None) -> Values:
    experiment = found.experiment
    only = len(experiment.panels) == 1
    if (len(experiment.panels) > 1 and panel is None) or (only and not _is_square(experiment.panels[0])):
        return {"detector.file": found.sources["panels"]}
    beam, spindle = experiment.beam_axis, experiment.spindle_axis
    assert beam is not None
    assert spindle is not None
    if panel is None:
        fast = across(spindle, beam)
        return {
            "detector.fast_axis": floats(fast),
            "detector.slow_axis": floats(np.cross(unit(beam), fast)),
            "detector.normal_axis": floats(unit(beam)),
        }
    if not _is_square(panel):
        raise FileError(
            f"{experiment.file}: panel {panel.name!r} has pixels of {panel.pixel_mm[0]:g} x {panel.pixel_mm[1]:g} mm, "
            "and a panel by itself has square ones only; take all panels"
        )
    return panel_values(panel, experiment.file)


def _is_square(panel: RecordedPanel) -> bool:
    return abs(panel.pixel_mm[0] / panel.pixel_mm[1] - 1) <= _SQUARE
