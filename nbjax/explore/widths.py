"""Widths of closed crystals and their beam that are numbers also where they are zero.

No other program is compiled then when a slider leaves zero.
"""

from __future__ import annotations

from dataclasses import replace

from nbjax.resolve import Resolved
from nbjax.resolve.beam import ResolvedBeam, resolve_beam
from nbjax.resolve.notes import Notes

_NONE = (0.0, 0.0, 0.0)


def with_widths(resolved: Resolved) -> Resolved:
    """The configuration with mosaicities and a bandwidth of zero where it has none; a sampled crystal's as it is.

    Args:
        resolved: whose image stays the same.
    """
    if resolved.crystal.model != "closed":
        return resolved
    first, *others = (replace(one, mosaicity_deg=one.mosaicity_deg or _NONE) for one in resolved.crystals)
    return replace(resolved, crystal=first, others=tuple(others), beam=_with_bandwidth(resolved))


def _with_bandwidth(resolved: Resolved) -> ResolvedBeam:
    beam = resolved.config.beam
    if beam.source_file or beam.spectrum_file or beam.dispersion_percent or beam.bandwidth_percent:
        return resolved.beam
    wide = resolve_beam(replace(beam, bandwidth_percent=1.0), resolved.config.sampling, (), Notes({}))
    assert wide.spread is not None
    return replace(resolved.beam, spread=replace(wide.spread, band=replace(wide.spread.band, width=0.0)))
