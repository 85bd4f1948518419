"""Parameters of the beam that are more than a number at a place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from nbjax.constants import HC_EV_A
from nbjax.experiment import Experiment
from nbjax.fields import look_up, put
from nbjax.geometry.detector import first_panel
from nbjax.geometry.panel import PanelParameters
from nbjax.numerics import unit_vector
from nbjax.parameters.parameter import DEGREE, Meaning, Parameter, leaf, relative, several, single, together
from nbjax.quantities import UNITS, Quantity
from nbjax.rotations import about_axis
from nbjax.sampling.sources import SourceGrid, SourceSpread, SourceTable
from nbjax.sampling.spectra import FULL_WIDTHS

Accessor = Callable[[Quantity, Experiment, Meaning], Parameter | None]

_TILTS = ("about fast", "about slow")
_SOURCES = "beam.sources"
_IN_SPREAD = {"dispersion": "band", "horizontal_range_rad": "horizontal_rad", "vertical_range_rad": "vertical_rad"}
"""The widths of a ``SourceSpread`` by those of a ``SourceGrid``."""
_BANDS = {"comb": "beam.dispersion_percent", "gaussian": "beam.bandwidth_percent"}
"""What the band of a ``SourceSpread`` is, by its kind; listed wavelengths have none."""


def _tilted(direction: Float[Array, "3"], panel: PanelParameters, mrad: Float[Array, "2"]) -> Float[Array, "3"]:
    for axis, angle in zip((panel.fast_axis, panel.slow_axis), mrad, strict=True):
        direction = about_axis(unit_vector(axis), angle * 1e-3) @ direction
    return direction


def _tilted_beam(e: Experiment, x: Array) -> Experiment:
    return put(e, "beam.direction", _tilted(e.beam.direction, first_panel(e.detector), x))


def _tilted_sources(e: Experiment, x: Array) -> Experiment:
    assert isinstance(e.beam.sources, SourceTable)
    tilt = jax.vmap(_tilted, in_axes=(0, None, 0))
    tilted = tilt(e.beam.sources.directions, first_panel(e.detector), x.reshape(-1, 2))
    return put(e, "beam.sources.directions", tilted)


def _turned_polarization(e: Experiment, x: Array) -> Experiment:
    return put(e, "beam.polarization_axis", about_axis(e.beam.direction, x[0] * DEGREE) @ e.beam.polarization_axis)


def _set_wavelength(e: Experiment, x: Array) -> Experiment:
    """The central wavelength; those of listed sources shift with it."""
    wavelength_m, sources = x * 1e-10, e.beam.sources
    if isinstance(sources, SourceTable):
        sources = replace(sources, wavelengths_m=sources.wavelengths_m + (wavelength_m - e.beam.wavelength_m))
    return replace(e, beam=replace(e.beam, wavelength_m=wavelength_m, sources=sources))


def _energy(quantity: Quantity, experiment: Experiment, meaning: Meaning) -> Parameter:
    return single(
        quantity,
        lambda e: HC_EV_A / (e.beam.wavelength_m * 1e10),
        lambda e, x: _set_wavelength(e, HC_EV_A / x),
    )


def _source_width(
    width: str, spacing: str, quantity: Quantity, experiment: Experiment, meaning: Meaning
) -> Parameter | None:
    """Full range of a grid of sources, whose spacing follows it; a range of zero has no spacing to follow."""
    sources, si = experiment.beam.sources, UNITS[quantity.unit].si
    if isinstance(sources, SourceSpread):
        place = _IN_SPREAD[width]
        own = width != "dispersion" or quantity.key == _BANDS.get(sources.kind)
        return leaf(quantity, f"{_SOURCES}.{place}") if own else None
    if not isinstance(sources, SourceGrid) or quantity.key == _BANDS["gaussian"]:
        return None

    def set_width(e: Experiment, x: Array) -> Experiment:
        sources = e.beam.sources
        assert isinstance(sources, SourceGrid)
        old = getattr(sources, width)
        some = old != 0
        ratio = jnp.where(some, x * si / jnp.where(some, old, 1.0), 1.0)
        return put(e, _SOURCES, replace(sources, **{width: old * ratio, spacing: getattr(sources, spacing) * ratio}))

    return single(quantity, lambda e: look_up(e, f"{_SOURCES}.{width}") / si, set_width)


def _divergence_sigma(quantity: Quantity, experiment: Experiment, meaning: Meaning) -> Parameter | None:
    """Standard deviation of a Gaussian divergence in both directions."""
    sources = experiment.beam.sources
    if not isinstance(sources, SourceSpread) or sources.directions != "gaussian":
        return None
    places = tuple(f"{_SOURCES}.{axis}_rad" for axis in ("horizontal", "vertical"))
    return together(quantity, places, UNITS[quantity.unit].si * FULL_WIDTHS)


def _listed(make: Accessor, quantity: Quantity, experiment: Experiment, meaning: Meaning) -> Parameter | None:
    return make(quantity, experiment, meaning) if isinstance(experiment.beam.sources, SourceTable) else None


def _rows(e: Experiment) -> tuple[str, ...]:
    assert isinstance(e.beam.sources, SourceTable)
    return tuple(str(row) for row in range(e.beam.sources.weights.shape[-1]))


def _source_directions(quantity: Quantity, experiment: Experiment, meaning: Meaning) -> Parameter:
    tilts = tuple(f"{row} {label}" for row in _rows(experiment) for label in _TILTS)
    return relative(quantity, "mrad", tilts, _tilted_sources)


def _source_wavelengths(quantity: Quantity, experiment: Experiment, meaning: Meaning) -> Parameter:
    return leaf(quantity, f"{_SOURCES}.wavelengths_m", _rows(experiment))


def _source_weights(quantity: Quantity, experiment: Experiment, meaning: Meaning) -> Parameter | None:
    """Weights count relative to the first, which stays."""
    rows, place = _rows(experiment), f"{_SOURCES}.weights"
    if len(rows) < 2:
        return None
    return several(
        quantity, lambda e: look_up(e, place)[1:], lambda e, x: put(e, place, look_up(e, place).at[1:].set(x)), rows[1:]
    )


def _scale(quantity: Quantity, experiment: Experiment, meaning: Meaning) -> Parameter:
    place = "beam.fluence_photons_per_m2"
    return single(
        quantity, lambda e: jnp.ones_like(look_up(e, place)), lambda e, x: put(e, place, look_up(e, place) * x)
    )


BEAM: dict[str, Accessor] = {
    "beam.direction": lambda q, e, meaning: relative(q, "mrad", _TILTS, _tilted_beam),
    "beam.wavelength_A": lambda q, e, meaning: single(q, lambda e: e.beam.wavelength_m * 1e10, _set_wavelength),
    "beam.energy_eV": _energy,
    "beam.polarization_fraction": lambda q, e, meaning: single(
        q, lambda e: (1 + e.beam.kahn_factor) / 2, lambda e, x: put(e, "beam.kahn_factor", 2 * x - 1)
    ),
    # the electric vector is across the beam: a turn about the beam is all that it can do
    "beam.polarization_axis": lambda q, e, meaning: relative(q, "degrees", ("about beam",), _turned_polarization),
    **{key: partial(_source_width, "dispersion", "dispersion_step") for key in _BANDS.values()},
    **{
        f"beam.divergence_{axis}_mrad": partial(_source_width, f"{axis}_range_rad", f"{axis}_step_rad")
        for axis in ("horizontal", "vertical")
    },
    "beam.divergence_sigma_mrad": _divergence_sigma,
    "beam.source_directions": partial(_listed, _source_directions),
    "beam.source_wavelengths_A": partial(_listed, _source_wavelengths),
    "beam.source_weights": partial(_listed, _source_weights),
    "scale": _scale,
}
"""Key -> accessor."""
