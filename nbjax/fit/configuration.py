"""A fitted experiment as a configuration again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nbjax.config.edit import with_values
from nbjax.config.tree import Config
from nbjax.constants import DEGREES_PER_RADIAN
from nbjax.errors import ConfigError, Fault
from nbjax.experiment import Experiment
from nbjax.parameters import parameters_of
from nbjax.rotations import xyz_angles

_ORIENTING = {"crystal.cell", "crystal.cell_A", "crystal.cell_deg", "crystal.misset_deg", "crystal.rotation_deg"}
_FLUENCE = {"scale", "beam.fluence_photons_per_m2"}
_REPLACED = {
    "beam.wavelength_A": ("beam.energy_eV",),
    "crystal.cells": ("crystal.size_a_mm", "crystal.size_b_mm", "crystal.size_c_mm"),
    "crystal.phi_range_deg": ("sampling.phi_step_deg",),
    "beam.divergence_horizontal_mrad": ("sampling.divergence_horizontal_step_mrad",),
    "beam.divergence_vertical_mrad": ("sampling.divergence_vertical_step_mrad",),
}
"""Keys that say the same in another way, and would contradict a fitted value."""


def check_writable(config: Config, paths: Sequence[str]) -> None:
    """Make sure, before a fit, that what it moves can be written as a configuration.

    Raises:
        ConfigError: naming the parameters that cannot.
    """
    faults = []
    for path in paths:
        if path == "crystal.structure_factors":
            faults.append(Fault(f"parameters.{path}", "has no configuration key of its own; fit it with nbjax.fit"))
        if path == "beam.direction" and config.detector.convention != "custom":
            problem = f'the {config.detector.convention} convention fixes it; set detector.convention = "custom"'
            faults.append(Fault(f"parameters.{path}", problem))
    if faults:
        raise ConfigError(faults)


def fitted_config(config: Config, experiment: Experiment, paths: Sequence[str]) -> Config:
    """The configuration that prepares to the fitted experiment.

    Args:
        config: where the fit started.
        experiment: the fitted one.
        paths: parameters that were free.
    """
    values: dict[str, Any] = {}
    table = parameters_of(experiment, config.detector.convention)
    for path in paths:
        values |= dict.fromkeys(_REPLACED.get(path, ()))
        if path in _FLUENCE:
            fluence = float(experiment.beam.fluence_photons_per_m2)
            values |= {"beam.fluence_photons_per_m2": fluence, "beam.flux_photons_per_s": None}
        elif path == "beam.direction":
            values[path] = _tuple(experiment.beam.direction)
        elif path not in _ORIENTING:
            found = _tuple(table[path].get(experiment))
            values[path] = found[0] if table[path].labels == ("",) else found
    # a matrix file holds the reciprocal cell times the wavelength
    if _ORIENTING & set(paths) or (config.crystal.matrix_file is not None and "beam.wavelength_A" in paths):
        values |= _cell(experiment)
    if "crystal.phi_range_deg" in paths:
        values["sampling.phi_steps"] = experiment.crystal.spindle.steps
    return with_values(config, values)


def _cell(experiment: Experiment) -> dict[str, Any]:
    """Cell and misset; where a file or a random number gave the orientation, the misset takes it over."""
    cell = experiment.crystal.cell
    values: dict[str, Any] = {
        "crystal.cell_A": _tuple(cell.lengths_m * 1e10),
        "crystal.cell_deg": _tuple(cell.angles_rad * DEGREES_PER_RADIAN),
        "crystal.misset_deg": _tuple(cell.misset_rad * DEGREES_PER_RADIAN),
    }
    if not np.array_equal(np.asarray(cell.orientation), np.eye(3)):
        whole = xyz_angles(cell.misset @ cell.orientation)
        values["crystal.misset_deg"] = _tuple(whole * DEGREES_PER_RADIAN)
        values |= {"crystal.matrix_file": None, "crystal.misset_random": False, "crystal.misset_seed": None}
    return values


def _tuple(array: Any) -> tuple[float, ...]:
    return tuple(float(x) for x in np.asarray(array).reshape(-1))
