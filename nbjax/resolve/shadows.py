"""Resolution of the shadows."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nbjax.config.tree import Config, Shadow
from nbjax.resolve.beam import ResolvedBeam
from nbjax.resolve.detector import ResolvedDetector
from nbjax.resolve.notes import Notes
from nbjax.resolve.tables import resolved_tables

_NEEDS = {"disc": ("diameter_mm",), "rectangle": ("length_mm", "width_mm"), "arm": ("width_mm",), "edge": ()}
"""Kind -> the sizes that it has."""
_SIZES = ("diameter_mm", "length_mm", "width_mm")


@dataclass(frozen=True)
class ResolvedShadow:
    """A shadow with nothing left open, in the units of the key names; a disc has its diameter as length and width."""

    kind: str
    distance_mm: float
    length_mm: float
    width_mm: float
    offset_mm: tuple[float, float]
    angle_deg: float
    penumbra_mm: float
    transmission: float


def resolve_shadows(
    config: Config, beam: ResolvedBeam, detector: ResolvedDetector, notes: Notes
) -> tuple[ResolvedShadow, ...]:
    """Fill in the shadows; faults and warnings go to ``notes``."""
    # no pixel of a flat panel is further along the beam, however it is turned
    furthest_mm = abs(detector.distance_mm) + 1000 * math.hypot(*detector.size_m)

    def resolved(key: str, said: Shadow) -> ResolvedShadow | None:
        found = _resolved(key, said, beam, notes)
        if found is not None and not detector.panels and found.distance_mm > furthest_mm:
            behind = f"the panel is {detector.distance_mm:g} mm from the sample, and the shadow behind it"
            notes.warn(f"{key}.distance_mm = {found.distance_mm:g} has no effect: {behind}")
        return found

    return resolved_tables("shadow", "shadows", config, notes, resolved)


def _resolved(key: str, said: Shadow, beam: ResolvedBeam, notes: Notes) -> ResolvedShadow | None:
    notes.switch(f"{key}.kind", said.kind)
    needed = ("distance_mm", *_NEEDS[said.kind])
    for name in needed:
        if getattr(said, name) is None:
            notes.fault(f"{key}.{name}", f"is missing; a shadow of the kind {said.kind!r} needs it in mm")
        else:
            notes.given(f"{key}.{name}", getattr(said, name))
    for name in _SIZES:
        if getattr(said, name) is not None and name not in needed:
            notes.warn(f"{key}.{name} has no effect: a shadow of the kind {said.kind!r} has none")
    if said.kind == "disc" and said.angle_deg is not None:
        notes.warn(f"{key}.angle_deg has no effect: a disc has no direction")
    if any(getattr(said, name) is None for name in needed) or said.distance_mm is None:
        return None
    size = said.diameter_mm if said.kind == "disc" else None
    origin = "default: a point of the beam anywhere in its size"
    return ResolvedShadow(
        said.kind,
        said.distance_mm,
        size or said.length_mm or 0.0,
        size or said.width_mm or 0.0,
        notes.choose(f"{key}.offset_mm", said.offset_mm, (0.0, 0.0)),
        notes.choose(f"{key}.angle_deg", said.angle_deg, 0.0),
        notes.choose(f"{key}.penumbra_mm", said.penumbra_mm, beam.beamsize_mm / math.sqrt(12), origin),
        notes.choose(f"{key}.transmission", said.transmission, 0.0),
    )
