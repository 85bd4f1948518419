"""The traced numbers of an experiment under their configuration keys, in the units of the keys.

A ``Parameter`` reads its value from an experiment and returns the experiment that has another one. Both directions are
pure functions of arrays, so that a fit or an attribution differentiates from the configuration's numbers to the image.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import jax.numpy as jnp
from jax import Array

from nbjax.constants import DEGREES_PER_RADIAN
from nbjax.errors import ConfigError, Fault
from nbjax.experiment import Experiment
from nbjax.geometry.conventions import CONVENTIONS, PLATE_AXES
from nbjax.geometry.crystal_systems import CRYSTAL_SYSTEMS, CrystalSystem
from nbjax.numerics import unit_vector
from nbjax.rotations import about_axis, about_vector
from nbjax.sampling.sources import SourceGrid, SourceTable

Get = Callable[[Experiment], Array]
Set = Callable[[Experiment, Array], Experiment]

_DEGREE = 1 / DEGREES_PER_RADIAN
_XYZ = ("x", "y", "z")
_AXES = ("a", "b", "c")


@dataclass(frozen=True)
class Parameter:
    """One number, or a few that belong together, of an experiment.

    Attributes:
        path: configuration key, or a name of its own where no key fits (``scale``).
        unit: of each component.
        labels: names of the components; one empty name for a single number.
        typical: for each component, a change that is neither large nor small; None: a hundredth of the value.
        get: the value, shape (components,).
        set: the experiment that has another value.
    """

    path: str
    unit: tuple[str, ...]
    labels: tuple[str, ...]
    typical: tuple[float, ...] | None
    get: Get
    set: Set

    @property
    def names(self) -> tuple[str, ...]:
        """Path and label of each component."""
        return tuple(f"{self.path} {label}".rstrip() for label in self.labels)


def parameters_of(
    experiment: Experiment, convention: str | None = None, system: str = "triclinic"
) -> dict[str, Parameter]:
    """Every parameter of an experiment by its path, in the order of computation.

    Args:
        experiment: decides what there is: a panel with a close distance has no distance, for instance.
        convention: of the detector; without it there are no beam centres, whose meaning it decides.
        system: crystal system that ``crystal.cell`` keeps to, a key of ``CRYSTAL_SYSTEMS``.
    """
    found = [*_panel(experiment), *_beam(experiment), *_crystal(experiment, CRYSTAL_SYSTEMS[system])]
    if convention is not None:
        found += _plate_centre(experiment, convention)
    return {parameter.path: parameter for parameter in [*found, *_intensity(experiment)]}


def find(parameters: dict[str, Parameter], path: str, key: str = "parameters") -> Parameter:
    """The parameter of a path.

    Raises:
        ConfigError: there is none; names the nearest.
    """
    if path not in parameters:
        near = difflib.get_close_matches(path, parameters, 1, 0.5)
        hint = f"did you mean {near[0]}?" if near else f"choose from {', '.join(parameters)}"
        raise ConfigError([Fault(key, f"got {path!r}, no parameter of this experiment; {hint}")])
    return parameters[path]


def set_values(experiment: Experiment, parameters: Iterable[Parameter], values: Iterable[Array]) -> Experiment:
    """The experiment in which every parameter has its value."""
    for parameter, value in zip(parameters, values, strict=True):
        experiment = parameter.set(experiment, value)
    return experiment


def _panel(experiment: Experiment) -> list[Parameter]:
    distance = "close_distance" if experiment.panel.distance_m is None else "distance"
    found = [
        _number("detector.pixel_mm", "mm", 1e-5, "panel.pixel_size_m", 1e-3),
        _number(f"detector.{distance}_mm", "mm", 0.01, f"panel.{distance}_m", 1e-3),
        _vector("detector.origin_shift_mm", "mm", 0.01, _XYZ, "panel.origin_shift_m", 1e-3),
        _number("detector.two_theta_deg", "degrees", 0.01, "panel.two_theta_rad", _DEGREE),
    ]
    for i, axis in enumerate(_XYZ):
        found.append(_item(f"detector.rotation_{axis}_deg", "degrees", 0.01, "panel.rotation_rad", i, _DEGREE))
    if experiment.panel.has_sensor:
        found.append(_number("detector.thickness_um", "um", 1.0, "panel.thickness_m", 1e-6))
        found.append(
            _single(
                "detector.attenuation_depth_um",
                "um",
                1.0,
                lambda e: 1e6 / e.panel.attenuation_per_m,
                lambda e, x: _put(e, "panel.attenuation_per_m", 1e6 / x),
            )
        )
    return found


def _plate_centre(experiment: Experiment, convention: str) -> list[Parameter]:
    """The beam centre as the convention writes it, or the near point where the panel hangs on that."""
    found = []
    if experiment.panel.pivot == "sample" and convention != "custom":
        for i, axis in enumerate("xy"):

            def get(e: Experiment, i: int = i) -> Array:
                return e.panel.near_point_m[i] / e.panel.pixel_size_m + 0.5

            def put(e: Experiment, x: Array, i: int = i) -> Experiment:
                near = e.panel.near_point_m.at[i].set((x - 0.5) * e.panel.pixel_size_m)
                return _put(e, "panel.near_point_m", near)

            found.append(_single(f"detector.org_{axis}_px", "px", 0.1, get, put))
        return found
    rule = PLATE_AXES[CONVENTIONS[convention].beam_centre]
    for axis, plate in zip("xy", rule, strict=True):
        points = ("beam_centre_m", "near_point_m") if convention == "custom" else ("beam_centre_m",)

        def get_centre(e: Experiment, plate: Any = plate) -> Array:
            on_panel = e.panel.beam_centre_m[plate.on_panel]
            return 1e3 * plate.from_panel(on_panel, e.panel.pixel_size_m, e.panel.pixel_size_m * e.grid.slow)

        def set_centre(e: Experiment, x: Array, plate: Any = plate, points: Any = points) -> Experiment:
            on_panel = plate.to_panel(x * 1e-3, e.panel.pixel_size_m, e.panel.pixel_size_m * e.grid.slow)
            moved = {point: getattr(e.panel, point).at[plate.on_panel].set(on_panel) for point in points}
            return replace(e, panel=replace(e.panel, **moved))

        found.append(_single(f"detector.beam_{axis}_mm", "mm", 0.01, get_centre, set_centre))
    return found


def _beam(experiment: Experiment) -> list[Parameter]:
    found = [
        _relative("beam.direction", "mrad", 0.1, ("about fast", "about slow"), _tilted_beam),
        _single("beam.wavelength_A", "A", 1e-4, lambda e: e.beam.wavelength_m * 1e10, _set_wavelength),
        _number("beam.polarization", "1", 0.01, "beam.kahn_factor", 1.0),
    ]
    if isinstance(experiment.beam.sources, SourceGrid):
        found += [
            _source_width("beam.dispersion_percent", "%", "dispersion", "dispersion_step", 1e-2),
            _source_width(
                "beam.divergence_horizontal_mrad", "mrad", "horizontal_range_rad", "horizontal_step_rad", 1e-3
            ),
            _source_width("beam.divergence_vertical_mrad", "mrad", "vertical_range_rad", "vertical_step_rad", 1e-3),
        ]
    return found


def _crystal(experiment: Experiment, system: CrystalSystem) -> list[Parameter]:
    steps = experiment.crystal.spindle.steps
    found = [
        _vector("crystal.cell_A", "A", 0.01, _AXES, "crystal.cell.lengths_m", 1e-10),
        _vector("crystal.cell_deg", "degrees", 0.01, ("alpha", "beta", "gamma"), "crystal.cell.angles_rad", _DEGREE),
        _cell(system),
        _vector("crystal.misset_deg", "degrees", 0.01, _XYZ, "crystal.cell.misset_rad", _DEGREE),
        _relative("crystal.rotation_deg", "degrees", 0.01, _XYZ, _turned_crystal),
        _number("crystal.phi_start_deg", "degrees", 0.01, "crystal.spindle.start_rad", _DEGREE),
        _number("crystal.phi_range_deg", "degrees", 0.01, "crystal.spindle.step_rad", _DEGREE / steps),
        _number("crystal.mosaic_spread_deg", "degrees", 0.01, "crystal.mosaic.spread_rad", _DEGREE),
        _vector("crystal.cells", "cells", 1.0, _AXES, "crystal.cells", 1.0),
    ]
    if experiment.crystal.shape != "square":
        found.append(_number("crystal.fudge", "1", 0.01, "crystal.fudge", 1.0))
    return found


def _intensity(experiment: Experiment) -> list[Parameter]:
    found = []
    factors = experiment.crystal.factors
    if factors.values is None:
        found.append(_number("crystal.default_F", "e", 1.0, "crystal.factors.default", 1.0))
    else:
        found.append(
            Parameter(
                "crystal.structure_factors",
                ("e",) * factors.values.size,
                tuple(str(i) for i in range(factors.values.size)),
                None,
                lambda e: e.crystal.factors.values.reshape(-1),  # type: ignore[union-attr]
                lambda e, x: _put(e, "crystal.factors.values", x.reshape(e.crystal.factors.values.shape)),  # type: ignore[union-attr]
            )
        )
    if experiment.crystal.has_water:
        found.append(_number("crystal.water_um", "um", 1.0, "crystal.water_size_m", 1e-6))
    fluence = _number("beam.fluence_photons_per_m2", "photons/m^2", 1.0, "beam.fluence_photons_per_m2", 1.0)
    found.append(replace(fluence, typical=None))
    found.append(
        _single(
            "scale",
            "1",
            0.01,
            lambda e: jnp.ones_like(e.beam.fluence_photons_per_m2),
            lambda e, x: _put(e, "beam.fluence_photons_per_m2", e.beam.fluence_photons_per_m2 * x),
        )
    )
    return found


def _look_up(tree: Any, place: str) -> Any:
    for name in place.split("."):
        tree = getattr(tree, name)
    return tree


def _put(tree: Any, place: str, value: Any) -> Any:
    head, _, rest = place.partition(".")
    return replace(tree, **{head: _put(getattr(tree, head), rest, value) if rest else value})


def _single(path: str, unit: str, typical: float, get: Get, put: Set) -> Parameter:
    return Parameter(path, (unit,), ("",), (typical,), lambda e: get(e)[None], lambda e, x: put(e, x[0]))


def _number(path: str, unit: str, typical: float, place: str, si: float) -> Parameter:
    """A scalar leaf; ``si`` is its unit in SI."""
    return _single(path, unit, typical, lambda e: _look_up(e, place) / si, lambda e, x: _put(e, place, x * si))


def _item(path: str, unit: str, typical: float, place: str, i: int, si: float) -> Parameter:
    return _single(
        path,
        unit,
        typical,
        lambda e: _look_up(e, place)[i] / si,
        lambda e, x: _put(e, place, _look_up(e, place).at[i].set(x * si)),
    )


def _vector(path: str, unit: str, typical: float, labels: tuple[str, ...], place: str, si: float) -> Parameter:
    n = len(labels)
    return Parameter(
        path,
        (unit,) * n,
        labels,
        (typical,) * n,
        lambda e: _look_up(e, place) / si,
        lambda e, x: _put(e, place, x * si),
    )


def _relative(path: str, unit: str, typical: float, labels: tuple[str, ...], put: Set) -> Parameter:
    """A change on top of the experiment, which starts at zero."""
    n = len(labels)
    return Parameter(path, (unit,) * n, labels, (typical,) * n, lambda e: jnp.zeros(n, e.beam.wavelength_m.dtype), put)


def _cell(system: CrystalSystem) -> Parameter:
    def get(e: Experiment) -> Array:
        cell = e.crystal.cell
        return system.free(jnp.concatenate([cell.lengths_m * 1e10, cell.angles_rad / _DEGREE]))

    def put(e: Experiment, x: Array) -> Experiment:
        whole = system.cell(x)
        cell = replace(e.crystal.cell, lengths_m=whole[:3] * 1e-10, angles_rad=whole[3:] * _DEGREE)
        return _put(e, "crystal.cell", cell)

    units = tuple("A" if label in _AXES else "degrees" for label in system.labels)
    return Parameter("crystal.cell", units, system.labels, (0.01,) * len(units), get, put)


def _tilted_beam(e: Experiment, x: Array) -> Experiment:
    direction = e.beam.direction
    for axis, angle in zip((e.panel.fast_axis, e.panel.slow_axis), x, strict=True):
        direction = about_axis(unit_vector(axis), angle * 1e-3) @ direction
    return _put(e, "beam.direction", direction)


def _turned_crystal(e: Experiment, x: Array) -> Experiment:
    """Turn by a rotation vector (laboratory axes) after the misset."""
    cell = e.crystal.cell
    misset = cell.misset
    return _put(e, "crystal.cell.orientation", misset.T @ about_vector(x * _DEGREE) @ misset @ cell.orientation)


def _set_wavelength(e: Experiment, x: Array) -> Experiment:
    """The central wavelength; those of listed sources shift with it."""
    wavelength_m, sources = x * 1e-10, e.beam.sources
    if isinstance(sources, SourceTable):
        sources = replace(sources, wavelengths_m=sources.wavelengths_m + (wavelength_m - e.beam.wavelength_m))
    return replace(e, beam=replace(e.beam, wavelength_m=wavelength_m, sources=sources))


def _source_width(path: str, unit: str, width: str, spacing: str, si: float) -> Parameter:
    """Full range of a grid of sources, whose spacing follows it; a range of zero has no spacing to follow."""
    place = "beam.sources"

    def put(e: Experiment, x: Array) -> Experiment:
        sources = _look_up(e, place)
        old = getattr(sources, width)
        some = old != 0
        ratio = jnp.where(some, x * si / jnp.where(some, old, 1.0), 1.0)
        return _put(e, place, replace(sources, **{width: old * ratio, spacing: getattr(sources, spacing) * ratio}))

    return _single(path, unit, 0.1, lambda e: getattr(_look_up(e, place), width) / si, put)
