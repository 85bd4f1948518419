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
from nbjax.rotations import xyz_angles

_SQUARE = 2e-4
"""Relative difference of the edges of pixels that count as square."""
_ORTHOGONAL = 1e-3
_BLOCK_A = 1000.0
"""Edge of a block of the crystal, which no file tells: spots of a few pixels."""

Values = dict[str, Any]


def configuration(found: Combination, panel: RecordedPanel | None) -> Config:
    """The configuration of an experiment, with nothing in it that no file tells but structure factors and a size.

    Args:
        found: what the files say.
        panel: the panel that is taken, or None where no file has any.

    Raises:
        FileError: a panel that nbjax has not, or an orientation that is none.
    """
    experiment = found.experiment
    values = _crystal(found) | _beam(experiment) | _scan(experiment)
    if _needs_axes(experiment, panel):
        values |= _axes(experiment) | _detector(experiment, panel)
    return with_values(Config(), values)


def _needs_axes(experiment: RecordedExperiment, panel: RecordedPanel | None) -> bool:
    """Whether something is told that the laboratory of the default convention does not have."""
    if experiment.beam.direction is not None or panel is not None or experiment.scan is not None:
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


def _axes(experiment: RecordedExperiment) -> Values:
    """Beam, polarization and spindle; what no file tells is as the program's laboratory has it."""
    beam, spindle = experiment.beam_axis, experiment.spindle_axis
    assert beam is not None
    assert spindle is not None
    electric = experiment.beam.electric_axis
    values: Values = {
        "detector.convention": "custom",
        "beam.direction": floats(unit(beam)),
        "beam.polarization_axis": floats(across(spindle if electric is None else electric, beam)),
    }
    if experiment.scan is not None:
        values["crystal.spindle_axis"] = floats(unit(spindle))
    return values


def _detector(experiment: RecordedExperiment, panel: RecordedPanel | None) -> Values:
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
    fast, slow = unit(panel.fast), unit(panel.slow)
    _check(experiment, panel, fast, slow)
    normal = unit(np.cross(fast, slow))
    normal = -normal if panel.origin_mm @ normal < 0 else normal
    pixel_mm = sum(panel.pixel_mm) / 2
    # the foot of the perpendicular, of axes that need not be quite at right angles
    foot = np.linalg.solve(np.stack([-fast, -slow, normal], axis=1), panel.origin_mm)
    values: Values = {
        "detector.pivot": "sample",
        "detector.pixel_mm": float(pixel_mm),
        "detector.pixels_fast": int(panel.pixels[0]),
        "detector.pixels_slow": int(panel.pixels[1]),
        "detector.close_distance_mm": float(foot[2]),
        "detector.org_x_px": float(foot[0] / pixel_mm + 0.5),
        "detector.org_y_px": float(foot[1] / pixel_mm + 0.5),
        "detector.fast_axis": floats(fast),
        "detector.slow_axis": floats(slow),
        "detector.normal_axis": floats(normal),
    }
    if panel.thickness_mm and panel.attenuation_per_mm:
        values["detector.thickness_um"] = float(1000 * panel.thickness_mm)
        values["detector.attenuation_depth_um"] = float(1000 / panel.attenuation_per_mm)
    return values


def _check(experiment: RecordedExperiment, panel: RecordedPanel, fast: np.ndarray, slow: np.ndarray) -> None:
    where = f"{experiment.file}: panel {panel.name!r}"
    if abs(panel.pixel_mm[0] / panel.pixel_mm[1] - 1) > _SQUARE:
        fast_mm, slow_mm = panel.pixel_mm
        raise FileError(
            f"{where} has pixels of {fast_mm:g} x {slow_mm:g} mm, and nbjax has square ones only; choose another panel"
        )
    if abs(fast @ slow) > _ORTHOGONAL:
        raise FileError(
            f"{where} has a fast axis that is not at a right angle to its slow axis (cosine {fast @ slow:.4g}); "
            "choose another panel, or correct the file"
        )
    distance_mm = abs(float(panel.origin_mm @ unit(np.cross(fast, slow))))
    if distance_mm < 1e-3:
        raise FileError(f"{where} lies {distance_mm:g} mm from the sample; give a file with the detector's distance")
