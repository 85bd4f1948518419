"""The traced parameters that may explain a difference, each with its natural unit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from jax import Array

from nbjax import parameters
from nbjax.experiment import Experiment
from nbjax.fields import put
from nbjax.geometry.detector import first_panel
from nbjax.geometry.panel import Panel, place_panel
from nbjax.quantities import QUANTITIES

Apply = Callable[[Experiment, Array], Experiment]

_MICROMETRE = 1e-6


@dataclass(frozen=True)
class Motion:
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


def parameters_of(experiment: Experiment) -> tuple[Motion, ...]:
    """Every parameter of an experiment that may be moved, in the order of computation."""
    found = []
    for path, parameter in parameters.parameters_of(experiment).items():
        key, number = parameters.key_of(path), parameters.crystal_of(path)
        if not QUANTITIES[key].attributed:
            continue
        other = _IN_OTHER_TERMS.get(key)
        if other is not None and number is not None:
            other = [_of_crystal(number, term) for term in other]
        found += other or _components(parameter)
    return tuple(found)


def _of_crystal(number: int, term: Motion) -> Motion:
    return replace(term, name=f"crystals[{number}] {term.name}", apply=parameters.for_crystal(number, term.apply))


def _components(parameter: parameters.Parameter) -> list[Motion]:
    assert parameter.typical is not None
    return [
        Motion(name.replace("beam.direction", "beam direction"), unit, typical, _change(parameter, i))
        for i, (name, unit, typical) in enumerate(zip(parameter.names, parameter.unit, parameter.typical, strict=True))
    ]


def _change(parameter: parameters.Parameter, i: int) -> Apply:
    return lambda e, x: parameter.set(e, parameter.get(e).at[i].add(x))


def _placed(e: Experiment) -> Panel:
    return place_panel(first_panel(e.detector), e.beam.direction)


def _shift_origin(axis: Callable[[Experiment], Array]) -> Apply:
    def apply(e: Experiment, x: Array) -> Experiment:
        shift = e.detector.panels.origin_shift_m + x * _MICROMETRE * axis(e)
        return put(e, "detector.panels.origin_shift_m", shift)

    return apply


def _scale_factors(e: Experiment, x: Array) -> Experiment:
    factors, scale = e.crystal.factors, 1 + x / 100
    values = None if factors.values is None else factors.values * scale
    scaled = replace(factors, values=values, default=factors.default * scale)
    return put(e, "crystal.factors", scaled)


def _scale_fluence(e: Experiment, x: Array) -> Experiment:
    fluence = e.beam.fluence_photons_per_m2 * (1 + x / 100)
    return replace(e, beam=replace(e.beam, fluence_photons_per_m2=fluence))


_FACTORS = [Motion("structure factors", "%", 1.0, _scale_factors)]
_IN_OTHER_TERMS = {
    "detector.origin_shift_mm": [
        Motion("detector origin along the beam", "um", 10.0, _shift_origin(lambda e: e.beam.direction)),
        Motion("detector origin along fast", "um", 10.0, _shift_origin(lambda e: _placed(e).fast)),
        Motion("detector origin along slow", "um", 10.0, _shift_origin(lambda e: _placed(e).slow)),
    ],
    "crystal.default_F": _FACTORS,
    "crystal.structure_factors": _FACTORS,
    "beam.fluence_photons_per_m2": [Motion("beam.fluence_photons_per_m2", "%", 1.0, _scale_fluence)],
}
"""Quantities that are blamed in terms that say more than those of their keys."""
