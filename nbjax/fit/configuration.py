"""A fitted experiment as a configuration again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from nbjax.config.edit import with_values
from nbjax.config.tree import Config
from nbjax.constants import DEGREES_PER_RADIAN
from nbjax.errors import ConfigError, Fault, StructureError
from nbjax.experiment import Experiment
from nbjax.fields import look_up
from nbjax.fit.geometry import FittedGeometry, is_of_detector
from nbjax.io.sources import SourceList
from nbjax.parameters import Parameter, alone, crystal_of, key_of, parameters_of, path_alone
from nbjax.quantities import QUANTITIES
from nbjax.reference.ledger import check_names
from nbjax.resolve.steps import grid_steps
from nbjax.rotations import xyz_angles
from nbjax.sampling.sources import SourceGrid, SourceSpread, SourceTable, incident_rays

_SOURCE_DISTANCE_M = 10.0
_CELL = {"crystal.cell", "crystal.cell_A", "crystal.cell_deg"}
_ORIENTING = _CELL | {"crystal.misset_deg", "crystal.rotation_deg"}
_FLUENCE = {"scale", "beam.fluence_photons_per_m2"}
_SIZES = ("crystal.size_a_mm", "crystal.size_b_mm", "crystal.size_c_mm")
_LISTED = {"beam.source_directions", "beam.source_wavelengths_A", "beam.source_weights"}
_WAVELENGTH = {"beam.wavelength_A", "beam.energy_eV"}
_IN_SOURCE_FILE = _LISTED | _WAVELENGTH | {"beam.direction"}
_NOT_BESIDE_SOURCES = (
    "spectrum_file",
    "spectrum_shot",
    "spectrum_offset_eV",
    "channels",
    "dispersion_percent",
    "divergence_horizontal_mrad",
    "divergence_vertical_mrad",
    "divergence_sigma_mrad",
)
_DIVERGENCES = ("beam.divergence_horizontal_mrad", "beam.divergence_vertical_mrad")
_DISORDER = {"crystal.mosaicity_deg", "crystal.mosaicity_axes_deg", "crystal.cell_spread_percent"}
_AXES = {
    "beam.direction": {"beam.direction": "beam.direction"},
    "beam.polarization_axis": {"beam.polarization_axis": "beam.polarization_axis"},
    "crystal.spindle_axis": {"crystal.spindle_axis": "crystal.spindle.axis"},
    "detector.axes_deg": {f"detector.{name}_axis": f"panel.{name}_axis" for name in ("fast", "slow", "normal")},
    "detector.two_theta_axis": {"detector.two_theta_axis": "panel.two_theta_axis"},
}
"""Turns of axes: the keys that hold the axes, and where these are in an experiment."""


def check_writable(config: Config, paths: Sequence[str]) -> None:
    """Make sure, before a fit, that what it moves can be written as a configuration.

    Raises:
        ConfigError: naming the parameters that cannot.
    """
    faults = []
    if any(one.twin_law is not None for one in config.crystals or (config.crystal,)):
        faults.append(Fault("crystal.twin_law", "a fitted twin has no configuration; fit it with nbjax.fit"))
    for path in paths:
        if key_of(path) == "crystal.structure_factors":
            faults.append(Fault(f"parameters.{path}", "has no configuration key of its own; fit it with nbjax.fit"))
        if path in _AXES and config.detector.convention != "custom" and config.detector.file is None:
            problem = f'the {config.detector.convention} convention fixes it; set detector.convention = "custom"'
            faults.append(Fault(f"parameters.{path}", problem))
        if path == "detector.axes_deg" and "custom_normal" in check_names(config.parity):
            problem = "the ledger's custom_normal chooses another normal for turned axes; leave it out of parity"
            faults.append(Fault(f"parameters.{path}", problem))
        if path == "detector.pixel_mm" and config.detector.model is not None:
            problem = f"is fixed by {config.detector.model!r}; give the pixels instead of detector.model to fit it"
            faults.append(Fault(f"parameters.{path}", problem))
    if faults:
        raise ConfigError(faults)


def fitted_config(
    config: Config, experiment: Experiment, paths: Sequence[str], geometry: FittedGeometry | None = None
) -> Config:
    """The configuration that prepares to the fitted experiment, but for ``fitted_sources`` and names of files.

    Args:
        config: where the fit started.
        experiment: the fitted one.
        paths: parameters that were free.
        geometry: of the detector, where the configuration names a file of it and it has moved.

    Raises:
        StructureError: the experiment has more or fewer crystals than the configuration.
    """
    said = config.crystals or (config.crystal,)
    if len(experiment.crystals) != len(said):
        raise StructureError(
            f"the configuration says {len(said)} of the {len(experiment.crystals)} crystals of the fitted experiment, "
            "so that it cannot be written as one; keep the experiment itself, or its values"
        )
    if len(said) > 1:
        parts = [
            fitted_config(
                replace(config, crystal=own, crystals=()),
                alone(experiment, number),
                [path_alone(path) for path in paths if crystal_of(path) in (None, number)],
                geometry,
            )
            for number, own in enumerate(said)
        ]
        return replace(parts[0], crystals=tuple(part.crystal for part in parts))
    table = parameters_of(experiment, config.detector.convention)
    if geometry is not None:
        paths = [path for path in paths if not is_of_detector(path)]
    values: dict[str, Any] = {key: None for path in paths for key in QUANTITIES[key_of(path)].replaces}
    for path in paths:
        if path in _FLUENCE:
            fluence = float(experiment.beam.fluence_photons_per_m2)
            values |= {"beam.fluence_photons_per_m2": fluence, "beam.flux_photons_per_s": None}
        elif path in _AXES:
            values |= {key: _tuple(look_up(experiment, place)) for key, place in _AXES[path].items()}
            if path == "beam.direction" and config.beam.polarization_normal is not None:
                # the electric vector, which followed from both, stays
                values["beam.polarization_axis"] = _tuple(experiment.beam.polarization_axis)
        elif path not in _ORIENTING | _LISTED | set(_SIZES):
            values[path] = _value(table[path], experiment)
    values |= _sampling(config, experiment, paths) | _detector(config, experiment, table, paths)
    values |= _spreads(config, experiment, table, paths)
    if geometry is not None:
        values |= geometry.values
        if geometry.changes_frame and config.crystal.orientation_file is not None:
            values |= _cell(experiment)
    fitted = with_values(config, values | _crystal(config, experiment, paths))
    return replace(fitted, crystals=(fitted.crystal,)) if config.crystals else fitted


def fitted_sources(config: Config, experiment: Experiment, paths: Sequence[str]) -> SourceList | None:
    """The list of sources of a fitted experiment, or None where that of the configuration still holds."""
    beam, moved = experiment.beam, set(paths)
    sources = beam.sources
    if isinstance(sources, SourceTable) and moved & _IN_SOURCE_FILE:
        columns = sources.directions, sources.weights, sources.wavelengths_m
    elif isinstance(sources, SourceSpread) and config.beam.spectrum_file is not None and moved & _WAVELENGTH:
        # the wavelengths of a file cannot be moved by a key
        rays = incident_rays(sources, beam.direction, beam.polarization_axis, beam.wavelength_m)
        columns = rays.incident, rays.weight, rays.wavelength_m
    else:
        return None
    directions, weights, wavelengths = (np.asarray(a, float) for a in columns)
    return SourceList(-_SOURCE_DISTANCE_M * directions, weights, wavelengths)


def with_sources(config: Config, file: str) -> Config:
    """The configuration with a list of sources, and without what the list replaces."""
    values: dict[str, Any] = dict.fromkeys(f"beam.{name}" for name in _NOT_BESIDE_SOURCES)
    steps = (f"divergence_{axis}_{what}" for axis in ("horizontal", "vertical") for what in ("steps", "step_mrad"))
    values |= dict.fromkeys(f"sampling.{name}" for name in (*steps, "dispersion_steps"))
    return with_values(config, values | {"beam.source_file": file})


def _sampling(config: Config, experiment: Experiment, paths: Sequence[str]) -> dict[str, Any]:
    """Counts, which would follow from what was fitted where they are not given."""
    if experiment.crystal.model == "closed":
        return {}
    values: dict[str, Any] = {"sampling.oversample": experiment.grid.oversample}
    if "crystal.phi_range_deg" in paths:
        values["sampling.phi_steps"] = experiment.crystal.spindle.steps
    if {"crystal.mosaic_spread_deg", *_DISORDER} & set(paths):
        values["sampling.mosaic_domains"] = experiment.crystal.domains
    for axis in ("horizontal", "vertical"):
        if f"beam.divergence_{axis}_mrad" in paths and isinstance(experiment.beam.sources, SourceGrid):
            said = getattr(config.beam, f"divergence_{axis}_mrad")
            step, count = (getattr(config.sampling, f"divergence_{axis}_{what}") for what in ("step_mrad", "steps"))
            spacing = float(getattr(experiment.beam.sources, f"{axis}_step_rad"))
            values[f"sampling.divergence_{axis}_step_mrad"] = 1000 * spacing or None
            values[f"sampling.divergence_{axis}_steps"] = grid_steps(said, step, count, 1000.0).count
    return values


def _spreads(
    config: Config, experiment: Experiment, table: dict[str, Parameter], paths: Sequence[str]
) -> dict[str, Any]:
    """Widths that are one number in the configuration and several in the fit, or the other way round."""
    beam, axes = config.beam, "crystal.mosaicity_axes_deg"
    values: dict[str, Any] = {}
    if "crystal.mosaicity_deg" in paths and config.crystal.mosaicity_axes_deg is not None:
        values |= {axes: _value(table[axes], experiment), "crystal.mosaicity_deg": None}
    one, each = "beam.divergence_sigma_mrad" in paths, bool(set(_DIVERGENCES) & set(paths))
    if (one and beam.divergence_sigma_mrad is None) or (each and beam.divergence_sigma_mrad is not None):
        values |= {key: _value(table[key], experiment) for key in _DIVERGENCES}
        values |= {"beam.divergence_sigma_mrad": None, "beam.divergence_shape": "gaussian"}
    return values


def _detector(
    config: Config, experiment: Experiment, table: dict[str, Parameter], paths: Sequence[str]
) -> dict[str, Any]:
    """Centre, pivot and sensor, which would follow from what was fitted where they are not given."""
    values: dict[str, Any] = {}
    if config.detector.convention == "custom" and config.detector.file is None:
        values["detector.pivot"] = experiment.panel.pivot
    if "detector.pixel_mm" in paths:
        values |= {"detector.pixels_fast": experiment.grid.fast, "detector.pixels_slow": experiment.grid.slow}
        centre = (f"detector.{name}" for name in ("beam_x_mm", "beam_y_mm", "org_x_px", "org_y_px"))
        values |= {key: _value(table[key], experiment) for key in centre if key in table}
    if "detector.attenuation_depth_um" in paths:
        values["detector.material"] = None
    elif "detector.thickness_um" in paths and config.detector.material is None:
        key = "detector.attenuation_depth_um"
        values[key] = _value(table[key], experiment)
    return values


def _crystal(config: Config, experiment: Experiment, paths: Sequence[str]) -> dict[str, Any]:
    """Cell, orientation, size and what would follow from them."""
    crystal, moved = experiment.crystal, set(paths)
    values: dict[str, Any] = {}
    if crystal.factors.values is not None:
        values["crystal.interpolate"] = crystal.factors.interpolate
    if moved & {"crystal.cells", *_SIZES, *_CELL}:
        # the cells that fit into a given size are rounded
        values |= {"crystal.cells": _tuple(crystal.cells), **dict.fromkeys(_SIZES)}
    parity = check_names(config.parity)
    wavelength = moved & {"beam.wavelength_A", "beam.energy_eV"}
    shape = "crystal.fudge" in moved and "cell_setting" in parity
    # a matrix file holds the reciprocal cell times the wavelength
    if moved & _ORIENTING or (config.crystal.matrix_file is not None and wavelength) or shape:
        values |= _cell(experiment)
        if "cell_setting" in parity:
            # the fitted angles are those of the cell that is simulated
            values["parity"] = tuple(name for name in parity if name != "cell_setting")
            values["crystal.fudge"] = float(crystal.fudge)
    return values


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
        values |= {"crystal.matrix_file": None, "crystal.orientation_file": None}
        values |= {"crystal.misset_random": False, "crystal.misset_seed": None}
    return values


def _value(parameter: Parameter, experiment: Experiment) -> Any:
    found = _tuple(parameter.get(experiment))
    return found[0] if parameter.labels == ("",) else found


def _tuple(array: Any) -> tuple[float, ...]:
    return tuple(float(x) for x in np.asarray(array).reshape(-1))
