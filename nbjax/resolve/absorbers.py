"""Resolution of the bodies that absorb."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nbjax.config.tree import Absorber, Config
from nbjax.errors import ArgumentError
from nbjax.io.materials import attenuation_per_m
from nbjax.resolve.beam import ResolvedBeam
from nbjax.resolve.notes import Notes
from nbjax.resolve.tables import resolved_tables


@dataclass(frozen=True)
class ResolvedAbsorber:
    """A body with nothing left open, in the units of the key names; a round one has its diameter as all sizes."""

    shape: str
    attenuation_per_mm: float
    size_mm: tuple[float, float, float]
    angle_deg: float


def resolve_absorbers(config: Config, beam: ResolvedBeam, notes: Notes) -> tuple[ResolvedAbsorber, ...]:
    """Fill in the bodies; faults go to ``notes``."""

    def resolved(key: str, said: Absorber) -> ResolvedAbsorber | None:
        return _resolved(key, said, beam, notes)

    return resolved_tables("absorber", "absorption by the sample", config, notes, resolved)


def _resolved(key: str, said: Absorber, beam: ResolvedBeam, notes: Notes) -> ResolvedAbsorber | None:
    notes.switch(f"{key}.shape", said.shape)
    needed, other = ("size_mm", "diameter_mm") if said.shape == "box" else ("diameter_mm", "size_mm")
    if getattr(said, needed) is None:
        notes.fault(f"{key}.{needed}", f"is missing; a {said.shape} needs it in mm")
        return None
    notes.given(f"{key}.{needed}", getattr(said, needed))
    idle = [other] if getattr(said, other) is not None else []
    idle += ["angle_deg"] if said.shape == "sphere" and said.angle_deg is not None else []
    for name in idle:
        notes.warn(f"{key}.{name} has no effect: a {said.shape} has none")
    attenuation = _attenuation(key, said, beam, notes)
    angle_deg = notes.choose(f"{key}.angle_deg", said.angle_deg, 0.0)
    if attenuation is None:
        return None
    width = said.diameter_mm or 0.0
    size = said.size_mm if said.shape == "box" and said.size_mm is not None else (width, width, width)
    return ResolvedAbsorber(said.shape, attenuation, size, angle_deg)


def _attenuation(key: str, said: Absorber, beam: ResolvedBeam, notes: Notes) -> float | None:
    if (said.material is None) == (said.attenuation_per_mm is None):
        problem = "is missing, and so is attenuation_per_mm; give one of them"
        if said.material is not None:
            problem = "is given together with attenuation_per_mm; leave one of them out"
        notes.fault(f"{key}.material", problem)
        return None
    if said.attenuation_per_mm is not None:
        notes.given(f"{key}.attenuation_per_mm", said.attenuation_per_mm)
        return said.attenuation_per_mm
    assert said.material is not None
    notes.given(f"{key}.material", said.material)
    try:
        (per_m,) = attenuation_per_m(said.material, np.array([beam.wavelength_A]))
    except ArgumentError as error:
        notes.fault(f"{key}.material", str(error))
        return None
    notes.record(f"{key}.attenuation_per_mm", float(per_m) / 1e3, f"{key}.material at the beam's wavelength")
    return float(per_m) / 1e3
