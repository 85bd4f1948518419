"""Resolution of the backgrounds: a material by its name, or a table of structure factors."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from nbjax.config.edit import tables_of
from nbjax.config.tree import Background, Config
from nbjax.constants import AVOGADRO_PER_MOL
from nbjax.io.stol import read_stol
from nbjax.materials import MATERIALS
from nbjax.materials.material import GRID_PER_A
from nbjax.physics.beam_profiles import BEAM_PROFILES
from nbjax.resolve.beam import ResolvedBeam
from nbjax.resolve.notes import Notes


@dataclass(frozen=True)
class ResolvedBackground:
    """A background with nothing left open.

    Attributes:
        name: of the material, or of the file.
        thickness_mm: along the beam.
        area_mm2: of the beam's cross-section that it fills, at the fluence of its centre or that over the square.
        width_mm: of the square across a beam with a profile; None where the area says all.
        molecules_per_mm3: their density.
        scale: of its photons.
        stol_per_A: places of the table.
        electrons: structure factor of a molecule there.
        is_file: whether the table is a user's own.
    """

    name: str
    thickness_mm: float
    area_mm2: float
    width_mm: float | None
    molecules_per_mm3: float
    scale: float
    stol_per_A: Float[np.ndarray, " n"]
    electrons: Float[np.ndarray, " n"]
    is_file: bool


def resolve_backgrounds(config: Config, beam: ResolvedBeam, notes: Notes) -> tuple[ResolvedBackground, ...]:
    """Fill in the backgrounds; faults go to ``notes``.

    Raises:
        FileError: a table that cannot be read.
    """
    if config.background and config.parity:
        notes.fault("background", "the C program has no such backgrounds; leave parity out, or the tables")
    found = [_resolved(key, table, config, beam, notes) for key, table in tables_of(config, "background")]
    return tuple(one for one in found if one is not None)


def _resolved(
    key: str, said: Background, config: Config, beam: ResolvedBeam, notes: Notes
) -> ResolvedBackground | None:
    if (said.material is None) == (said.file is None):
        problem = "is missing, and so is file" if said.material is None else "is given together with file"
        cure = "give one of them" if said.material is None else "leave one of them out"
        notes.fault(f"{key}.material", f"{problem}; {cure}")
        return None
    if said.thickness_mm is None:
        notes.fault(f"{key}.thickness_mm", "is missing; give the thickness along the beam in mm")
        return None
    notes.given(f"{key}.thickness_mm", said.thickness_mm)
    table = _table(key, said, notes)
    if table is None:
        return None
    name, stol_per_A, electrons, density, weight = table
    area_mm2, width_mm = _across(key, said, config, beam, notes)
    return ResolvedBackground(
        name,
        said.thickness_mm,
        area_mm2,
        width_mm,
        density / weight * AVOGADRO_PER_MOL * 1e-3,
        notes.choose(f"{key}.scale", said.scale, 1.0),
        stol_per_A,
        electrons,
        said.file is not None,
    )


def _table(
    key: str, said: Background, notes: Notes
) -> tuple[str, Float[np.ndarray, " n"], Float[np.ndarray, " n"], float, float] | None:
    """Name, places and structure factors of a table, density in g/cm^3 and molecular weight in g/mol."""
    if said.file is not None:
        notes.given(f"{key}.file", said.file)
        notes.switch(f"{key}.file_axis", said.file_axis)
        density, weight = said.density_g_per_cm3, said.molecular_weight_g_per_mol
        for name, value in (("density_g_per_cm3", density), ("molecular_weight_g_per_mol", weight)):
            if value is None:
                notes.fault(f"{key}.{name}", f"is missing; a table of a file needs it, as {name} = {_OF_WATER[name]}")
            else:
                notes.given(f"{key}.{name}", value)
        if density is None or weight is None:
            return None
        table = read_stol(said.file, said.file_axis)
        return said.file, table.stol_per_A, table.electrons, density, weight
    assert said.material is not None
    if said.material not in MATERIALS:
        near = difflib.get_close_matches(said.material, MATERIALS, 1, 0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"choose from {', '.join(MATERIALS)}, or give file"
        notes.fault(f"{key}.material", f"got {said.material!r}; {hint}")
        return None
    if said.molecular_weight_g_per_mol is not None:
        notes.warn(f"{key}.molecular_weight_g_per_mol has no effect: {said.material} has its own")
    notes.given(f"{key}.material", said.material)
    material = MATERIALS[said.material]()
    own = f"default: of {said.material}"
    density = notes.choose(f"{key}.density_g_per_cm3", said.density_g_per_cm3, material.density_g_per_cm3, own)
    return said.material, GRID_PER_A, np.sqrt(material.electrons_squared), density, material.weight_g_per_mol


_OF_WATER = {"density_g_per_cm3": "1.0", "molecular_weight_g_per_mol": "18.0"}


def _across(key: str, said: Background, config: Config, beam: ResolvedBeam, notes: Notes) -> tuple[float, float | None]:
    """Area of the beam that a background fills, in mm^2, and the edge of a square that sees the mean over itself."""
    profile, size_mm = config.beam.profile, beam.beamsize_mm
    if said.width_mm is None:
        notes.record(f"{key}.width_mm", size_mm, "default: the whole beam")
        return (size_mm**2 if profile is None else BEAM_PROFILES[profile].area(size_mm)), None
    notes.given(f"{key}.width_mm", said.width_mm)
    if profile is None:
        return min(said.width_mm, size_mm) ** 2, None
    return said.width_mm**2, said.width_mm
