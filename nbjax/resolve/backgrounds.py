"""Resolution of the backgrounds: a material by its name, or a table of structure factors."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields

import gemmi
import numpy as np
from jaxtyping import Float

from nbjax.config.tree import Background, Config
from nbjax.constants import AVOGADRO_PER_MOL
from nbjax.io.images import other_size, panel_images, read_images
from nbjax.io.stol import read_profile, read_stol
from nbjax.materials import MATERIALS, Material
from nbjax.physics.beam_profiles import BEAM_PROFILES
from nbjax.resolve.beam import ResolvedBeam
from nbjax.resolve.detector import ResolvedDetector
from nbjax.resolve.notes import Notes
from nbjax.resolve.tables import resolved_tables


@dataclass(frozen=True)
class Variation:
    """A smooth random factor of a background, in the units of the key names."""

    percent: float
    deg: float
    seed: int


@dataclass(frozen=True)
class Table:
    """A structure factor of a user's own.

    Attributes:
        stol_per_A: places.
        electrons: structure factor of a molecule there.
        formula: of the molecule, as elements and counts; None where it is not known.
    """

    stol_per_A: Float[np.ndarray, " n"]
    electrons: Float[np.ndarray, " n"]
    formula: Mapping[str, float | int] | None


@dataclass(frozen=True)
class ResolvedBackground:
    """A background with nothing left open.

    Attributes:
        name: of the material, or of the file.
        source: the material, or the table of a file.
        thickness_mm: along the beam.
        area_mm2: of the beam's cross-section that it fills, at the fluence of its centre or that over the square.
        width_mm: of the square across a beam with a profile; None where the area says all.
        molecules_per_mm3: their density.
        scale: of its photons.
        compton: whether there is Compton scattering.
        grain_nm: size of grains.
        variation: random factor; None: none.
    """

    name: str
    source: Material | Table
    thickness_mm: float
    area_mm2: float
    width_mm: float | None
    molecules_per_mm3: float
    scale: float
    compton: bool
    grain_nm: float
    variation: Variation | None


@dataclass(frozen=True)
class ResolvedPhotons:
    """A background in photons.

    Attributes:
        name: of the file.
        scale: of its photons.
        two_theta_deg, photons: of a profile by the angle, shape (n,); without angles the photons of every pixel, of
            the shape of the image.
        variation: random factor; None: none.
    """

    name: str
    scale: float
    two_theta_deg: Float[np.ndarray, " n"] | None
    photons: Float[np.ndarray, "..."]
    variation: Variation | None


AnyBackground = ResolvedBackground | ResolvedPhotons


def resolve_backgrounds(
    config: Config, beam: ResolvedBeam, detector: ResolvedDetector, seed: int, notes: Notes
) -> tuple[AnyBackground, ...]:
    """Fill in the backgrounds; faults go to ``notes``.

    Args:
        config: completed.
        beam, detector: resolved.
        seed: of random factors, where they have none of their own.
        notes: takes faults, warnings and origins.

    Raises:
        FileError: a table or an image that cannot be read.
    """

    def resolved(key: str, said: Background) -> AnyBackground | None:
        kinds = [name for name in KINDS if getattr(said, name) is not None]
        if len(kinds) != 1:
            problem = f"{' and '.join(kinds)} are given together; leave all but one out"
            problem = problem if kinds else "is missing; give it, or file, profile_file or image_file"
            notes.fault(f"{key}.{kinds[0] if kinds else 'material'}", problem)
            return None
        if kinds[0] in ("material", "file"):
            return _resolved(key, said, config, beam, seed, notes)
        return _in_photons(key, said, detector, seed, notes)

    return resolved_tables("background", "such backgrounds", config, notes, resolved)


KINDS = ("material", "file", "profile_file", "image_file")
"""Keys of which a background has one."""
_OF_PHOTONS = (*KINDS, "scale", "file_axis", "variation_percent", "variation_deg", "variation_seed")


def _in_photons(
    key: str, said: Background, detector: ResolvedDetector, seed: int, notes: Notes
) -> ResolvedPhotons | None:
    for name in (field.name for field in fields(said) if field.name not in _OF_PHOTONS):
        if getattr(said, name) is not None:
            notes.warn(f"{key}.{name} has no effect: the file has photons")
    scale, variation = notes.choose(f"{key}.scale", said.scale, 1.0), _variation(key, said, seed, notes)
    if said.profile_file is not None:
        notes.given(f"{key}.profile_file", said.profile_file)
        return ResolvedPhotons(said.profile_file, scale, *read_profile(said.profile_file), variation)
    assert said.image_file is not None
    notes.given(f"{key}.image_file", said.image_file)
    shape = detector.shape
    if detector.panels:
        images = panel_images(said.image_file, detector.panels)
    else:
        images = read_images(said.image_file, shape=(shape[-2], shape[-1]))
    photons = images[0].photons()
    if len(images) > 1 or photons.shape != shape:
        what = other_size(photons.shape, shape, "the detector") if len(images) == 1 else f"holds {len(images)} images"
        notes.fault(f"{key}.image_file", f"{said.image_file} {what}; give one image of the detector's size")
        return None
    if not np.isfinite(photons).any():
        problem = f"{said.image_file} has no pixel with a value; give an image of the background's photons"
        notes.fault(f"{key}.image_file", problem)
        return None
    # bad pixels have no background
    return ResolvedPhotons(said.image_file, scale, None, np.where(np.isfinite(photons), photons, 0.0), variation)


def _resolved(
    key: str, said: Background, config: Config, beam: ResolvedBeam, seed: int, notes: Notes
) -> ResolvedBackground | None:
    if said.thickness_mm is None:
        notes.fault(f"{key}.thickness_mm", "is missing; give the thickness along the beam in mm")
        return None
    notes.given(f"{key}.thickness_mm", said.thickness_mm)
    found = _material(key, said, notes) if said.file is None else _table(key, said, notes)
    if found is None:
        return None
    source, density, weight = found
    area_mm2, width_mm = _across(key, said, config, beam, notes)
    return ResolvedBackground(
        str(said.material or said.file),
        source,
        said.thickness_mm,
        area_mm2,
        width_mm,
        density / weight * AVOGADRO_PER_MOL * 1e-3,
        notes.choose(f"{key}.scale", said.scale, 1.0),
        _compton(key, said, source, notes),
        _grain_nm(key, said, source, notes),
        _variation(key, said, seed, notes),
    )


def _variation(key: str, said: Background, seed: int, notes: Notes) -> Variation | None:
    if said.variation_percent is None:
        for name in ("variation_deg", "variation_seed"):
            if getattr(said, name) is not None:
                notes.warn(f"{key}.{name} has no effect without variation_percent")
        return None
    notes.given(f"{key}.variation_percent", said.variation_percent)
    number = int(key.rpartition(".")[2])
    return Variation(
        said.variation_percent,
        notes.choose(f"{key}.variation_deg", said.variation_deg, 10.0),
        notes.choose(
            f"{key}.variation_seed", said.variation_seed, seed + number, "output.seed and the number of the table"
        ),
    )


def _table(key: str, said: Background, notes: Notes) -> tuple[Table, float, float] | None:
    """The table of a file, density in g/cm^3 and molecular weight in g/mol."""
    assert said.file is not None
    notes.given(f"{key}.file", said.file)
    notes.switch(f"{key}.file_axis", said.file_axis)
    formula = None if said.formula is None else _formula(key, said.formula, notes)
    density, weight = said.density_g_per_cm3, said.molecular_weight_g_per_mol
    for name, value in (("density_g_per_cm3", density), ("molecular_weight_g_per_mol", weight)):
        if value is None:
            notes.fault(f"{key}.{name}", f"is missing; a table of a file needs it, as {name} = {_OF_WATER[name]}")
        else:
            notes.given(f"{key}.{name}", value)
    if density is None or weight is None:
        return None
    table = read_stol(said.file, said.file_axis)
    return Table(table.stol_per_A, table.electrons, formula), density, weight


def _material(key: str, said: Background, notes: Notes) -> tuple[Material, float, float] | None:
    """A material by its name, its density in g/cm^3 and molecular weight in g/mol."""
    assert said.material is not None
    if said.material not in MATERIALS:
        near = difflib.get_close_matches(said.material, MATERIALS, 1, 0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"choose from {', '.join(MATERIALS)}, or give file"
        notes.fault(f"{key}.material", f"got {said.material!r}; {hint}")
        return None
    for name in ("molecular_weight_g_per_mol", "formula"):
        if getattr(said, name) is not None:
            notes.warn(f"{key}.{name} has no effect: {said.material} has its own")
    notes.given(f"{key}.material", said.material)
    material = MATERIALS[said.material]()
    own = f"default: of {said.material}"
    density = notes.choose(f"{key}.density_g_per_cm3", said.density_g_per_cm3, material.density_g_per_cm3, own)
    return material, density, material.weight_g_per_mol


_OF_WATER = {"density_g_per_cm3": "1.0", "molecular_weight_g_per_mol": "18.0"}


def _formula(key: str, formula: str, notes: Notes) -> dict[str, float] | None:
    """Elements of a formula such as SiO2, and how many atoms there are of each."""
    parts = _ATOMS.findall(formula)
    known = all(gemmi.Element(symbol).atomic_number > 0 for symbol, _ in parts)
    if not parts or not known or "".join(symbol + count for symbol, count in parts) != formula:
        notes.fault(f"{key}.formula", f"got {formula!r}, which is no formula; give elements and counts, as in SiO2")
        return None
    notes.given(f"{key}.formula", formula)
    found: dict[str, float] = {}
    for symbol, count in parts:
        found[symbol] = found.get(symbol, 0.0) + float(count or 1)
    return found


_ATOMS = re.compile(r"([A-Z][a-z]?)(\d+(?:\.\d+)?)?")


def _compton(key: str, said: Background, source: Material | Table, notes: Notes) -> bool:
    known = source.formula is not None
    if said.compton and not known:
        notes.fault(f"{key}.compton", "got true for a file without a formula; give formula, as in SiO2")
    return notes.choose(f"{key}.compton", said.compton, known, "default: where the formula is known")


def _grain_nm(key: str, said: Background, source: Material | Table, notes: Notes) -> float:
    if isinstance(source, Table) or source.lines is None:
        if said.grain_nm is not None:
            notes.warn(f"{key}.grain_nm has no effect: {said.material or said.file} has no grains")
        return _GRAIN_NM
    return notes.choose(f"{key}.grain_nm", said.grain_nm, _GRAIN_NM)


_GRAIN_NM = 50.0


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
