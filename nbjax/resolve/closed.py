"""What a configuration of the closed model cannot have, and what has no effect in it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from nbjax.config.edit import with_values
from nbjax.config.tree import Config
from nbjax.resolve.notes import Notes

_MODEL = 'crystal.model = "closed"'
_FREE = ("oversample", "phi_step_deg", "phi_steps", "mosaic_domains")
_SWITCHES = ("oversample_thickness", "oversample_polarization", "oversample_solid_angle")
_OF_GAUSSIAN = ("divergence_horizontal_steps", "divergence_vertical_steps")
_FWHM_PER_SIGMA = math.sqrt(8 * math.log(2))
_NEGLECTED = 0.01
"""Of a spot, what is worth a word when it is neglected."""


def closed_config(config: Config, notes: Notes) -> Config:
    """The configuration without what the closed model has no use for; that of the sampled model as it is.

    Faults and warnings go to ``notes``.
    """
    crystal, sampling = config.crystal, config.sampling
    if crystal.model != "closed":
        return config
    for key, problem in _problems(config):
        notes.fault(key, problem)
    _warn_of_widths(config, notes)
    gaussian = config.beam.divergence_shape == "gaussian" or config.beam.divergence_sigma_mrad is not None
    counts = (*_FREE, *_OF_GAUSSIAN) if gaussian else _FREE
    idle: dict[str, Any] = {name: None for name in counts if getattr(sampling, name) is not None}
    idle |= {name: False for name in _SWITCHES if getattr(sampling, name)}
    if idle:
        keys = ", ".join(f"sampling.{name}" for name in idle)
        verb = "has" if len(idle) == 1 else "have"
        notes.warn(f"{keys} {verb} no effect with {_MODEL}, which samples none of it; leave it out")
    config = replace(config, sampling=replace(sampling, **idle))
    return with_values(config, {"crystal.mosaic_spread_deg": None, "crystal.shape": None})


def _warn_of_widths(config: Config, notes: Notes) -> None:
    """What is neglected is about as large a part of a spot as the variances of turns, lengths and waves are of one."""
    crystal, beam = config.crystal, config.beam
    turns = max(crystal.mosaicity_deg or 0.0, *(crystal.mosaicity_axes_deg or (0.0,)))
    band = 0.0 if beam.spectrum_shape == "sase" else beam.bandwidth_percent or 0.0
    cell, divergence = crystal.cell_spread_percent or 0.0, beam.divergence_sigma_mrad or 0.0
    turned = "crystal.mosaicity_deg" if crystal.mosaicity_axes_deg is None else "crystal.mosaicity_axes_deg"
    widths = [
        (math.radians(turns), turned, turns),
        (cell / 100, "crystal.cell_spread_percent", cell),
        (band / 100 / _FWHM_PER_SIGMA, "beam.bandwidth_percent", band),
        (divergence / 1000, "beam.divergence_sigma_mrad", divergence),
    ]
    neglected = sum(width**2 for width, _, _ in widths)
    if neglected > _NEGLECTED:
        _, key, value = max(widths)
        notes.warn(
            f"{key} = {value:g}: {_MODEL} is for small widths, off by about {100 * neglected:.2g} % of a spot here; "
            'take crystal.model = "sampled"'
        )


def _problems(config: Config) -> list[tuple[str, str]]:
    crystal, found = config.crystal, []
    if crystal.shape not in (None, "gauss"):
        problem = f'got {crystal.shape!r}, {_MODEL} has Gaussian spots alone; give "gauss", or leave it out'
        found.append(("crystal.shape", problem))
    if config.parity:
        found.append(("parity", f"the C program has nothing like {_MODEL}; leave one of them out"))
    if crystal.interpolate:
        problem = f"got true, {_MODEL} takes the amplitudes of reflections as they are listed; leave it out"
        found.append(("crystal.interpolate", problem))
    if config.precision == "single":
        found.append(("precision", f'got "single", {_MODEL} needs 64-bit floats; give "double" or "mixed"'))
    if crystal.mosaic_spread_deg:
        problem = f"got {crystal.mosaic_spread_deg:g}, {_MODEL} has no cap of domains; give crystal.mosaicity_deg"
        found.append(("crystal.mosaic_spread_deg", problem))
    return found
