"""Parameters of a crystal that are more than a number at a place, and of the water around all crystals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import jax.numpy as jnp
from jax import Array

from nbjax.experiment import Experiment
from nbjax.fields import put
from nbjax.parameters.parameter import DEGREE, Meaning, Parameter, leaf, relative, several, single, tilt, together
from nbjax.physics.backgrounds.water import Water
from nbjax.quantities import Quantity
from nbjax.rotations import about_vector

_LENGTHS = ("a", "b", "c")


def _cell(quantity: Quantity, experiment: Experiment, meaning: Meaning) -> Parameter:
    system = meaning.system

    def get(e: Experiment) -> Array:
        cell = e.crystal.cell
        return system.free(jnp.concatenate([cell.lengths_m * 1e10, cell.angles_rad / DEGREE]))

    def set_cell(e: Experiment, x: Array) -> Experiment:
        whole = system.cell(x)
        cell = replace(e.crystal.cell, lengths_m=whole[:3] * 1e-10, angles_rad=whole[3:] * DEGREE)
        return put(e, "crystal.cell", cell)

    units = tuple("A" if label in _LENGTHS else "degrees" for label in system.labels)
    return replace(several(quantity, get, set_cell, system.labels), unit=units)


def _turned_crystal(e: Experiment, x: Array) -> Experiment:
    """Turn by a rotation vector (laboratory axes) after the misset."""
    cell = e.crystal.cell
    misset = cell.misset
    return put(e, "crystal.cell.orientation", misset.T @ about_vector(x * DEGREE) @ misset @ cell.orientation)


def _phi_range(quantity: Quantity, experiment: Experiment, meaning: Meaning) -> Parameter:
    return leaf(quantity, "crystal.spindle.step_rad", si=DEGREE / experiment.crystal.spindle.steps)


def _mosaicity(quantity: Quantity, experiment: Experiment, meaning: Meaning) -> Parameter:
    """One standard deviation for all axes, the mean of theirs; where they differ, they keep their differences."""
    return together(quantity, ("crystal.disorder.mosaicity_rad",), DEGREE)


def _motion(place: str, quantity: Quantity, experiment: Experiment, meaning: Meaning) -> Parameter:
    """One length for all axes, the mean of theirs; where they differ, they keep their differences."""
    return together(quantity, (place,), 1e-10)


def _cap(quantity: Quantity, experiment: Experiment, meaning: Meaning) -> Parameter | None:
    """The half-angle of the domains' cap, where they are not Gaussian."""
    return leaf(quantity, "crystal.mosaic.spread_rad") if experiment.crystal.disorder is None else None


def _size(i: int, quantity: Quantity, experiment: Experiment, meaning: Meaning) -> Parameter:
    """An edge of the crystal: as many cells as fit into it, with the fraction that is left."""

    def set_size(e: Experiment, x: Array) -> Experiment:
        return put(e, "crystal.cells", e.crystal.cells.at[i].set(x * 1e-3 / e.crystal.cell.lengths_m[i]))

    def get(e: Experiment) -> Array:
        return e.crystal.cells[i] * e.crystal.cell.lengths_m[i] * 1e3

    return single(quantity, get, set_size)


def _default_factor(quantity: Quantity, experiment: Experiment, meaning: Meaning) -> Parameter | None:
    return leaf(quantity, "crystal.factors.default") if experiment.crystal.factors.values is None else None


def _factors(quantity: Quantity, experiment: Experiment, meaning: Meaning) -> Parameter | None:
    values = experiment.crystal.factors.values
    if values is None or experiment.crystal.factors.wavelengths_m is not None:
        return None
    return several(
        quantity,
        lambda e: e.crystal.factors.values.reshape(-1),  # type: ignore[union-attr]
        lambda e, x: put(e, "crystal.factors.values", x.reshape(values.shape)),
        tuple(str(i) for i in range(values.size)),
    )


def _water(quantity: Quantity, experiment: Experiment, meaning: Meaning) -> Parameter | None:
    numbers = [i for i, term in enumerate(experiment.backgrounds) if isinstance(term, Water)]
    return leaf(quantity, f"backgrounds.{numbers[0]}.size_m") if len(numbers) == 1 else None


CRYSTAL: dict[str, Callable[[Quantity, Experiment, Meaning], Parameter | None]] = {
    "crystal.cell": _cell,
    "crystal.rotation_deg": lambda q, e, meaning: relative(q, "degrees", q.labels, _turned_crystal),
    "crystal.spindle_axis": lambda q, e, meaning: tilt(q, "crystal.spindle.axis"),
    "crystal.phi_range_deg": _phi_range,
    "crystal.mosaic_spread_deg": _cap,
    "crystal.mosaicity_deg": _mosaicity,
    **{f"crystal.diffuse_{name}_A": partial(_motion, f"crystal.motion.{name}_m") for name in ("sigma", "gamma")},
    **{f"crystal.size_{axis}_mm": partial(_size, i) for i, axis in enumerate(_LENGTHS)},
    "crystal.default_F": _default_factor,
    "crystal.structure_factors": _factors,
}
"""Key -> accessor, of a crystal alone."""

AROUND: dict[str, Callable[[Quantity, Experiment, Meaning], Parameter | None]] = {"crystal.water_um": _water}
"""Of what is around the crystals, however many there are."""
