"""The traced parameters that may explain a difference, each with its natural unit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import jax.numpy as jnp
from jax import Array

from nbjax.experiment import Experiment
from nbjax.geometry.panel import Panel, PanelParameters, place_panel
from nbjax.numerics import unit_vector
from nbjax.rotations import about_axis
from nbjax.sampling.sources import SourceGrid, SourceTable

Apply = Callable[[Experiment, Array], Experiment]

_DEGREE = jnp.pi / 180
_ANGSTROM, _MICROMETRE = 1e-10, 1e-6


@dataclass(frozen=True)
class Parameter:
    """One direction in which an experiment can be moved.

    Attributes:
        name: what is moved; a configuration key where one fits.
        unit: natural unit of the change.
        typical: a change in that unit that is neither large nor small, to weigh parameters against each other.
        apply: the experiment after a change.
    """

    name: str
    unit: str
    typical: float
    apply: Apply


def parameters_of(experiment: Experiment) -> tuple[Parameter, ...]:
    """Every parameter of an experiment that may be moved, in the order of computation."""
    return (*_panel(experiment.panel), *_beam(), *_crystal(experiment), *_intensity(experiment))


def _panel(panel: PanelParameters) -> list[Parameter]:
    distance = "close_distance" if panel.distance_m is None else "distance"
    found = [
        Parameter("detector origin along the beam", "um", 10.0, _shift_origin(lambda e: e.beam.direction)),
        Parameter("detector origin along fast", "um", 10.0, _shift_origin(lambda e: _placed(e).fast)),
        Parameter("detector origin along slow", "um", 10.0, _shift_origin(lambda e: _placed(e).slow)),
        Parameter(f"detector.{distance}_mm", "mm", 0.01, _panel_field(f"{distance}_m", 1e-3)),
        Parameter("detector.pixel_mm", "mm", 1e-5, _panel_field("pixel_size_m", 1e-3)),
        Parameter("detector.two_theta_deg", "degrees", 0.01, _panel_field("two_theta_rad", _DEGREE)),
    ]
    for i, axis in enumerate("xyz"):
        found.append(Parameter(f"detector.rotation_{axis}_deg", "degrees", 0.01, _panel_item("rotation_rad", i)))
    if panel.has_sensor:
        found.append(
            Parameter("detector.thickness_um", "um", 1.0, _panel_field("thickness_m", _MICROMETRE)),
        )
        found.append(Parameter("detector.attenuation_depth_um", "um", 1.0, _attenuation))
    return found


def _beam() -> list[Parameter]:
    return [
        Parameter("beam direction about fast", "mrad", 0.1, _tilt_beam("fast_axis")),
        Parameter("beam direction about slow", "mrad", 0.1, _tilt_beam("slow_axis")),
        Parameter("beam.wavelength_A", "A", 1e-4, _wavelength),
        Parameter("beam.polarization", "1", 0.01, _beam_field("kahn_factor")),
        Parameter("beam.dispersion_percent", "%", 0.1, _source_field("dispersion", 0.01)),
        Parameter("beam.divergence_horizontal_mrad", "mrad", 0.1, _source_field("horizontal_range_rad", 1e-3)),
        Parameter("beam.divergence_vertical_mrad", "mrad", 0.1, _source_field("vertical_range_rad", 1e-3)),
    ]


def _crystal(experiment: Experiment) -> list[Parameter]:
    found = []
    for i, axis in enumerate("abc"):
        found.append(Parameter(f"crystal.cell_A {axis}", "A", 0.01, _cell_item("lengths_m", i, _ANGSTROM)))
    for i, angle in enumerate(("alpha", "beta", "gamma")):
        found.append(Parameter(f"crystal.cell_deg {angle}", "degrees", 0.01, _cell_item("angles_rad", i, _DEGREE)))
    for i, axis in enumerate("xyz"):
        found.append(Parameter(f"crystal.misset_deg {axis}", "degrees", 0.01, _cell_item("misset_rad", i, _DEGREE)))
    found.append(Parameter("crystal.phi_start_deg", "degrees", 0.01, _spindle_field("start_rad", 1)))
    steps = experiment.crystal.spindle.steps
    found.append(Parameter("crystal.phi_range_deg", "degrees", 0.01, _spindle_field("step_rad", steps)))
    found.append(Parameter("crystal.mosaic_spread_deg", "degrees", 0.01, _mosaic_spread))
    for i, axis in enumerate("abc"):
        found.append(Parameter(f"crystal.cells {axis}", "cells", 1.0, _cells(i)))
    if experiment.crystal.shape != "square":
        found.append(Parameter("crystal.fudge", "1", 0.01, _crystal_field("fudge", 1.0)))
    return found


def _intensity(experiment: Experiment) -> list[Parameter]:
    found = [Parameter("structure factors", "%", 1.0, _scale_factors)]
    if experiment.crystal.has_water:
        found.append(Parameter("crystal.water_um", "um", 1.0, _crystal_field("water_size_m", _MICROMETRE)))
    found.append(Parameter("beam.fluence_photons_per_m2", "%", 1.0, _scale_fluence))
    return found


def _placed(e: Experiment) -> Panel:
    return place_panel(e.panel, e.beam.direction)


def _shift_origin(axis: Callable[[Experiment], Array]) -> Apply:
    def apply(e: Experiment, x: Array) -> Experiment:
        shift = e.panel.origin_shift_m + x * _MICROMETRE * axis(e)
        return replace(e, panel=replace(e.panel, origin_shift_m=shift))

    return apply


def _panel_field(name: str, unit: float) -> Apply:
    return lambda e, x: replace(e, panel=replace(e.panel, **{name: getattr(e.panel, name) + x * unit}))


def _panel_item(name: str, i: int) -> Apply:
    return lambda e, x: replace(e, panel=replace(e.panel, **{name: getattr(e.panel, name).at[i].add(x * _DEGREE)}))


def _attenuation(e: Experiment, x: Array) -> Experiment:
    depth_m = 1 / e.panel.attenuation_per_m + x * _MICROMETRE
    return replace(e, panel=replace(e.panel, attenuation_per_m=1 / depth_m))


def _tilt_beam(axis: str) -> Apply:
    def apply(e: Experiment, x: Array) -> Experiment:
        turn = about_axis(unit_vector(getattr(e.panel, axis)), x * 1e-3)
        return replace(e, beam=replace(e.beam, direction=turn @ e.beam.direction))

    return apply


def _wavelength(e: Experiment, x: Array) -> Experiment:
    change = x * _ANGSTROM
    sources = e.beam.sources
    if isinstance(sources, SourceTable):
        sources = replace(sources, wavelengths_m=sources.wavelengths_m + change)
    return replace(e, beam=replace(e.beam, wavelength_m=e.beam.wavelength_m + change, sources=sources))


def _beam_field(name: str) -> Apply:
    return lambda e, x: replace(e, beam=replace(e.beam, **{name: getattr(e.beam, name) + x}))


def _source_field(name: str, unit: float) -> Apply:
    """Widens a grid of sources, whose spacing follows its range; a list of sources has no such width."""

    def apply(e: Experiment, x: Array) -> Experiment:
        sources = e.beam.sources
        if not isinstance(sources, SourceGrid):
            return e
        step = {"dispersion": "dispersion_step"}.get(name, name.replace("range", "step"))
        width, spacing = getattr(sources, name), getattr(sources, step)
        wide = jnp.where(width == 0, 1.0, width)
        ratio = jnp.where(width == 0, 1.0, (width + x * unit) / wide)
        moved = replace(sources, **{name: width * ratio, step: spacing * ratio})
        return replace(e, beam=replace(e.beam, sources=moved))

    return apply


def _crystal_field(name: str, unit: float) -> Apply:
    return lambda e, x: replace(e, crystal=replace(e.crystal, **{name: getattr(e.crystal, name) + x * unit}))


def _cell_item(name: str, i: int, unit: float) -> Apply:
    def apply(e: Experiment, x: Array) -> Experiment:
        cell = e.crystal.cell
        moved = replace(cell, **{name: getattr(cell, name).at[i].add(x * unit)})
        return replace(e, crystal=replace(e.crystal, cell=moved))

    return apply


def _spindle_field(name: str, parts: int) -> Apply:
    def apply(e: Experiment, x: Array) -> Experiment:
        spindle = e.crystal.spindle
        moved = replace(spindle, **{name: getattr(spindle, name) + x * _DEGREE / parts})
        return replace(e, crystal=replace(e.crystal, spindle=moved))

    return apply


def _mosaic_spread(e: Experiment, x: Array) -> Experiment:
    mosaic = e.crystal.mosaic
    return replace(e, crystal=replace(e.crystal, mosaic=replace(mosaic, spread_rad=mosaic.spread_rad + x * _DEGREE)))


def _cells(i: int) -> Apply:
    return lambda e, x: replace(e, crystal=replace(e.crystal, cells=e.crystal.cells.at[i].add(x)))


def _scale_factors(e: Experiment, x: Array) -> Experiment:
    factors, scale = e.crystal.factors, 1 + x / 100
    values = None if factors.values is None else factors.values * scale
    scaled = replace(factors, values=values, default=factors.default * scale)
    return replace(e, crystal=replace(e.crystal, factors=scaled))


def _scale_fluence(e: Experiment, x: Array) -> Experiment:
    fluence = e.beam.fluence_photons_per_m2 * (1 + x / 100)
    return replace(e, beam=replace(e.beam, fluence_photons_per_m2=fluence))
