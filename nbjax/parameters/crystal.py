"""Parameters of the crystal but its structure factors and its water."""

from __future__ import annotations

from dataclasses import replace

import jax.numpy as jnp
from jax import Array

from nbjax.experiment import Experiment
from nbjax.fields import put
from nbjax.geometry.crystal_systems import CrystalSystem
from nbjax.parameters.parameter import DEGREE, XYZ, Parameter, number, relative, single, tilt, vector
from nbjax.rotations import about_vector

_AXES = ("a", "b", "c")


def of_crystal(experiment: Experiment, system: CrystalSystem) -> list[Parameter]:
    """Cell, orientation, rotation, mosaic spread and size."""
    steps = experiment.crystal.spindle.steps
    found = [
        vector("crystal.cell_A", "A", 0.01, _AXES, "crystal.cell.lengths_m", 1e-10),
        vector("crystal.cell_deg", "degrees", 0.01, ("alpha", "beta", "gamma"), "crystal.cell.angles_rad", DEGREE),
        _cell(system),
        vector("crystal.misset_deg", "degrees", 0.01, XYZ, "crystal.cell.misset_rad", DEGREE),
        relative("crystal.rotation_deg", "degrees", 0.01, XYZ, _turned_crystal),
        tilt("crystal.spindle_axis", "crystal.spindle.axis"),
        number("crystal.phi_start_deg", "degrees", 0.01, "crystal.spindle.start_rad", DEGREE),
        number("crystal.phi_range_deg", "degrees", 0.01, "crystal.spindle.step_rad", DEGREE / steps),
        number("crystal.mosaic_spread_deg", "degrees", 0.01, "crystal.mosaic.spread_rad", DEGREE),
        vector("crystal.cells", "cells", 1.0, _AXES, "crystal.cells", 1.0),
        *(_size(i, axis) for i, axis in enumerate(_AXES)),
    ]
    if experiment.crystal.volume_m3 is not None:
        volume = number("crystal.volume_um3", "um^3", 1.0, "crystal.volume_m3", 1e-18)
        found.append(replace(volume, typical=None))
    if experiment.crystal.shape != "square":
        found.append(number("crystal.fudge", "1", 0.01, "crystal.fudge", 1.0))
    return found


def _cell(system: CrystalSystem) -> Parameter:
    def get(e: Experiment) -> Array:
        cell = e.crystal.cell
        return system.free(jnp.concatenate([cell.lengths_m * 1e10, cell.angles_rad / DEGREE]))

    def set_cell(e: Experiment, x: Array) -> Experiment:
        whole = system.cell(x)
        cell = replace(e.crystal.cell, lengths_m=whole[:3] * 1e-10, angles_rad=whole[3:] * DEGREE)
        return put(e, "crystal.cell", cell)

    units = tuple("A" if label in _AXES else "degrees" for label in system.labels)
    return Parameter("crystal.cell", units, system.labels, (0.01,) * len(units), get, set_cell)


def _turned_crystal(e: Experiment, x: Array) -> Experiment:
    """Turn by a rotation vector (laboratory axes) after the misset."""
    cell = e.crystal.cell
    misset = cell.misset
    return put(e, "crystal.cell.orientation", misset.T @ about_vector(x * DEGREE) @ misset @ cell.orientation)


def _size(i: int, axis: str) -> Parameter:
    """An edge of the crystal: as many cells as fit into it, with the fraction that is left."""

    def set_size(e: Experiment, x: Array) -> Experiment:
        return put(e, "crystal.cells", e.crystal.cells.at[i].set(x * 1e-3 / e.crystal.cell.lengths_m[i]))

    def get(e: Experiment) -> Array:
        return e.crystal.cells[i] * e.crystal.cell.lengths_m[i] * 1e3

    return replace(single(f"crystal.size_{axis}_mm", "mm", 1.0, get, set_size), typical=None)
