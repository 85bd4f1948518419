"""What is sampled by a count: which key says it, and the counts that may be tried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from nbjax.config.edit import with_values
from nbjax.config.tree import Config
from nbjax.resolve import Resolved, resolve
from nbjax.resolve.spectrum import Band
from nbjax.resolve.steps import Steps

Counts = Mapping[str, int]
"""Name of a dimension -> its count."""

_MOST = {
    "sampling.oversample": 2**8,
    "sampling.mosaic_domains": 2**17,
    "sampling.phi_steps": 2**14,
    "sampling.divergence_horizontal_steps": 2**8,
    "sampling.divergence_vertical_steps": 2**8,
    "sampling.dispersion_steps": 2**10,
    "sampling.thickness_layers": 2**7,
    "beam.channels": 2**10,
}
"""Key -> the largest count that is tried."""


@dataclass(frozen=True)
class Dimension:
    """One of the averages that an image is made of.

    Attributes:
        name: in words.
        key: that says the count.
        given: the configuration's own count.
        levels: counts that may be tried, each twice the one before, or all that there is.
        exhausted: whether the last of them leaves nothing out.
        cost: what twice the count costs, as a factor.
        others: values of other keys beside a count.
    """

    name: str
    key: str
    given: int
    levels: tuple[int, ...]
    exhausted: bool = False
    cost: int = 2
    others: tuple[tuple[str, Any], ...] = ()

    @property
    def start(self) -> int:
        """The level at which a search begins: the first that is not below the configuration's count."""
        return next((i for i, count in enumerate(self.levels) if count >= self.given), len(self.levels) - 1)

    def values(self, count: int) -> dict[str, Any]:
        """Configuration key -> value."""
        return {**dict(self.others), self.key: count}


def values_of(dimensions: tuple[Dimension, ...], counts: Counts) -> dict[str, Any]:
    """Configuration key -> value, of all dimensions whose count is not the configuration's own."""
    found: dict[str, Any] = {}
    for dimension in dimensions:
        if counts[dimension.name] != dimension.given:
            found |= dimension.values(counts[dimension.name])
    return found


def dimensions_of(config: Config, resolved: Resolved) -> tuple[Dimension, ...]:
    """The averages of a configuration; what it has none of is left out.

    Args:
        config: as it was said.
        resolved: the same with nothing left open.
    """
    beam = resolved.beam
    found = [_dimension("subpixels along an edge", "sampling.oversample", resolved.sampling.oversample, cost=4)]
    if resolved.detector.thickness_um > 0:
        found.append(_dimension("sensor layers", "sampling.thickness_layers", resolved.detector.layers))
    if _takes_domains(config):
        found.append(_dimension("mosaic domains", "sampling.mosaic_domains", resolved.crystal.mosaic_domains))
    phi = resolved.crystal.phi
    if phi.range:
        others = _without_step(config, "sampling.phi_step_deg", "crystal.phi_range_deg", phi)
        found.append(_dimension("phi steps", "sampling.phi_steps", phi.count, others=others))
    if beam.sources is not None:
        return tuple(found)
    if beam.spread is not None and (config.beam.bandwidth_percent or config.beam.spectrum_file is not None):
        found += _channels(config, beam.spread.band)
    elif beam.dispersion.range:
        found.append(_dimension("wavelengths", "sampling.dispersion_steps", beam.dispersion.count, lowest=2))
    for axis, steps in (("horizontal", beam.horizontal), ("vertical", beam.vertical)):
        if steps.range:
            key = f"sampling.divergence_{axis}_step"
            others = _without_step(config, f"{key}_mrad", f"beam.divergence_{axis}_mrad", steps)
            # a grid has the two ends of its range at least
            lowest = 1 if beam.spread is not None and steps.step == 0 else 2
            found.append(_dimension(f"{axis} directions", f"{key}s", steps.count, lowest, others=others))
    return tuple(found)


def _dimension(
    name: str, key: str, given: int, lowest: int = 1, cost: int = 2, others: tuple[tuple[str, Any], ...] = ()
) -> Dimension:
    most, levels = max(_MOST[key], given), [lowest]
    while 2 * levels[-1] <= most:
        levels.append(2 * levels[-1])
    return Dimension(name, key, given, tuple(levels), cost=cost, others=others)


def _takes_domains(config: Config) -> bool:
    """Whether the crystal has a disorder that domains stand for: where it has none, one is all that is taken."""
    return resolve(with_values(config, {"sampling.mosaic_domains": 2})).crystal.mosaic_domains == 2


def _without_step(config: Config, step_key: str, range_key: str, steps: Steps) -> tuple[tuple[str, Any], ...]:
    """Where a spacing was given, the range says what the counts divide."""
    section, name = step_key.split(".")
    given = getattr(getattr(config, section), name)
    return () if given is None else ((step_key, None), (range_key, steps.range))


def _channels(config: Config, band: Band) -> list[Dimension]:
    """The wavelengths of a spectrum; of a list there are no more than it has."""
    found = _dimension("wavelengths", "beam.channels", len(band.weights))
    if band.kind == "gaussian":
        return [found]
    whole = resolve(with_values(config, {"beam.channels": None})).beam.spread
    listed = 1 if whole is None else len(whole.band.weights)
    if listed == 1 or listed > _MOST[found.key]:
        return [found] if listed > 1 else []
    levels = [level for level in found.levels if level < listed]
    return [replace(found, levels=(*levels, listed), exhausted=True)]
