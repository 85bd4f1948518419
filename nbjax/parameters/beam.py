"""Parameters of the beam but its intensity."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from nbjax.constants import HC_EV_A
from nbjax.experiment import Experiment
from nbjax.fields import look_up, put
from nbjax.geometry.panel import PanelParameters
from nbjax.numerics import unit_vector
from nbjax.parameters.parameter import DEGREE, Parameter, number, relative, single, vector
from nbjax.rotations import about_axis
from nbjax.sampling.sources import SourceGrid, SourceTable

_TILTS = ("about fast", "about slow")
_SOURCES = "beam.sources"


def of_beam(experiment: Experiment) -> list[Parameter]:
    """Direction, wavelength, polarization, and the spread or the list of the sources."""
    found = [
        relative("beam.direction", "mrad", 0.1, _TILTS, _tilted_beam),
        single("beam.wavelength_A", "A", 1e-4, lambda e: e.beam.wavelength_m * 1e10, _set_wavelength),
        single(
            "beam.energy_eV",
            "eV",
            1.0,
            lambda e: HC_EV_A / (e.beam.wavelength_m * 1e10),
            lambda e, x: _set_wavelength(e, HC_EV_A / x),
        ),
        number("beam.polarization", "1", 0.01, "beam.kahn_factor", 1.0),
        # the electric vector is across the beam: a turn about the beam is all that it can do
        relative("beam.polarization_axis", "degrees", 0.1, ("about beam",), _turned_polarization),
    ]
    sources = experiment.beam.sources
    if isinstance(sources, SourceTable):
        return found + _of_table(sources)
    widths = (
        ("beam.dispersion_percent", "%", "dispersion", "dispersion_step", 1e-2),
        ("beam.divergence_horizontal_mrad", "mrad", "horizontal_range_rad", "horizontal_step_rad", 1e-3),
        ("beam.divergence_vertical_mrad", "mrad", "vertical_range_rad", "vertical_step_rad", 1e-3),
    )
    return found + [_source_width(*width) for width in widths]


def _of_table(sources: SourceTable) -> list[Parameter]:
    """Direction, wavelength and weight of each listed source; weights count relative to the first, which stays."""
    rows = tuple(str(row) for row in range(sources.weights.shape[-1]))
    tilts = tuple(f"{row} {label}" for row in rows for label in _TILTS)
    found = [
        relative("beam.source_directions", "mrad", 0.1, tilts, _tilted_sources),
        vector("beam.source_wavelengths_A", "A", 1e-4, rows, "beam.sources.wavelengths_m", 1e-10),
    ]
    if len(rows) > 1:
        found.append(
            Parameter(
                "beam.source_weights",
                ("1",) * (len(rows) - 1),
                rows[1:],
                (0.01,) * (len(rows) - 1),
                lambda e: e.beam.sources.weights[1:],
                lambda e, x: put(e, "beam.sources.weights", e.beam.sources.weights.at[1:].set(x)),
            )
        )
    return found


def _tilted(direction: Float[Array, "3"], panel: PanelParameters, mrad: Float[Array, "2"]) -> Float[Array, "3"]:
    for axis, angle in zip((panel.fast_axis, panel.slow_axis), mrad, strict=True):
        direction = about_axis(unit_vector(axis), angle * 1e-3) @ direction
    return direction


def _tilted_beam(e: Experiment, x: Array) -> Experiment:
    return put(e, "beam.direction", _tilted(e.beam.direction, e.panel, x))


def _tilted_sources(e: Experiment, x: Array) -> Experiment:
    assert isinstance(e.beam.sources, SourceTable)
    tilted = jax.vmap(_tilted, in_axes=(0, None, 0))(e.beam.sources.directions, e.panel, x.reshape(-1, 2))
    return put(e, "beam.sources.directions", tilted)


def _turned_polarization(e: Experiment, x: Array) -> Experiment:
    return put(e, "beam.polarization_axis", about_axis(e.beam.direction, x[0] * DEGREE) @ e.beam.polarization_axis)


def _set_wavelength(e: Experiment, x: Array) -> Experiment:
    """The central wavelength; those of listed sources shift with it."""
    wavelength_m, sources = x * 1e-10, e.beam.sources
    if isinstance(sources, SourceTable):
        sources = replace(sources, wavelengths_m=sources.wavelengths_m + (wavelength_m - e.beam.wavelength_m))
    return replace(e, beam=replace(e.beam, wavelength_m=wavelength_m, sources=sources))


def _source_width(path: str, unit: str, width: str, spacing: str, si: float) -> Parameter:
    """Full range of a grid of sources, whose spacing follows it; a range of zero has no spacing to follow."""

    def set_width(e: Experiment, x: Array) -> Experiment:
        sources = e.beam.sources
        assert isinstance(sources, SourceGrid)
        old = getattr(sources, width)
        some = old != 0
        ratio = jnp.where(some, x * si / jnp.where(some, old, 1.0), 1.0)
        return put(e, _SOURCES, replace(sources, **{width: old * ratio, spacing: getattr(sources, spacing) * ratio}))

    return single(path, unit, 0.1, lambda e: look_up(e, f"{_SOURCES}.{width}") / si, set_width)
