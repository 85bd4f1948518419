"""Structure factors from the coordinates of a crystal structure, by gemmi."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np
from jaxtyping import Complex

from nbjax.constants import HC_EV_A
from nbjax.errors import FileError
from nbjax.io.structure import CrystalModel, read_structure
from nbjax.reflections.density import AtomDensity, Box, box_to, grid_points, limits_to, of_solvent
from nbjax.reflections.table import StructureFactorTable

_LARGEST_GRID = 2**28
_LARGEST_BOX = 2**26
_HEAVIEST = 92
"""Uranium, up to which the tables of f' and f'' go."""


@dataclass(frozen=True)
class Recipe:
    """What is computed from coordinates.

    Attributes:
        resolution_A: smallest spacing.
        wavelengths_A: of the channels, for each of which f' and f'' are taken; empty: without them, in one channel.
        solvent: whether a flat bulk solvent fills what the atoms leave; None: of macromolecules.
        solvent_k: its density in electrons per A^3.
        solvent_B_A2: its smoothing.
        scale: of all structure factors.
        B_A2: of all atoms and the solvent, besides their own.
        model: number of the model that is taken; None: the first.
    """

    resolution_A: float
    wavelengths_A: tuple[float, ...] = ()
    solvent: bool | None = None
    solvent_k: float = 0.35
    solvent_B_A2: float = 46.0
    scale: float = 1.0
    B_A2: float = 0.0
    model: int | None = None


@dataclass(frozen=True)
class CoordinatesModel:
    """What a coordinates file gives.

    Attributes:
        F: structure factors in electrons of every index to the resolution, Friedel mates included, in P1, for each
            channel; 0 beyond the resolution, and of 0 0 0, where the direct beam is. Shape (channels, h, k, l).
        wavelengths_A: of the channels; empty: of all wavelengths.
        cell: unit cell.
        space_group: of the atoms.
        number: of the model that was taken.
        has_solvent: whether the bulk solvent is in it.
        name: entry name.
        warnings: what was mended in the file or chosen.
    """

    F: Complex[np.ndarray, "channels h k l"]
    wavelengths_A: tuple[float, ...]
    cell: gemmi.UnitCell
    space_group: gemmi.SpaceGroup
    number: int
    has_solvent: bool
    name: str
    warnings: tuple[str, ...] = ()

    @property
    def minimum(self) -> tuple[int, int, int]:
        """Indices of the first entry; those of the last are the same with the other sign."""
        h, k, l = (-(size // 2) for size in self.F.shape[1:])  # noqa: E741
        return h, k, l

    @property
    def table(self) -> StructureFactorTable:
        """Amplitudes in electrons; of several channels F."""
        if len(self.F) == 1:
            return StructureFactorTable(np.abs(self.F[0]), self.minimum)
        return StructureFactorTable(np.stack([self.F.real, self.F.imag], 1), self.minimum, self.wavelengths_A)


def calculate(path: str | Path, recipe: Recipe) -> CoordinatesModel:
    """Structure factors on the absolute electron scale for the full sphere of indices, in P1.

    F = sum over atoms of (f0 + f' + i f'') exp(2 pi i h x) with occupancies and displacements, plus the transform of a
    mask between the atoms times k exp(-B / 4 d^2). The form factors f0 are those of neutral atoms of International
    Tables C (1992), 6.1.1.4; f' and f'' those of Cromer and Liberman, which know nothing of the width and fine
    structure of an absorption edge. f' and f'' are one number for each element, so that each element's atoms with unit
    weight are transformed once for all channels.

    Args:
        path: PDB, mmCIF or small-molecule CIF file.
        recipe: what is computed.

    Raises:
        FileError: the file cannot be read, has no atoms, unit cell or known space group, contradicts itself, or the
            resolution leaves no reflection or too many.
    """
    model = read_structure(path, recipe.model)
    cell = model.structure.cell
    _check_resolution(path, cell, recipe.resolution_A)
    box = box_to(cell, recipe.resolution_A)
    kept = box.inverse_d2 <= recipe.resolution_A**-2
    kept[box.limits] = False
    if not kept.any():
        raise FileError(
            f"{path}: has no reflection to a resolution of {recipe.resolution_A:g} A; give a smaller spacing"
        )
    F, warnings = _of_atoms(path, model, box, recipe)
    has_solvent = not model.is_small if recipe.solvent is None else recipe.solvent
    if has_solvent:
        damping = recipe.solvent_k * np.exp(-recipe.solvent_B_A2 * box.inverse_d2 / 4)
        F += of_solvent(model.structure, box) * damping
    F *= np.where(kept, recipe.scale * np.exp(-recipe.B_A2 * np.where(kept, box.inverse_d2, 0.0) / 4), 0.0)
    if not np.isfinite(F).all():
        raise FileError(f"{path}: gives structure factors that are not finite; check the positions and B factors")
    group = model.structure.find_spacegroup() or gemmi.SpaceGroup("P 1")
    return CoordinatesModel(
        F=F,
        wavelengths_A=recipe.wavelengths_A,
        cell=cell,
        space_group=group,
        number=model.structure[0].num,
        has_solvent=has_solvent,
        name=model.structure.name,
        warnings=(*model.warnings, *warnings),
    )


def _check_resolution(path: str | Path, cell: gemmi.UnitCell, resolution_A: float) -> None:
    if not (math.isfinite(resolution_A) and resolution_A > 0):
        raise FileError(f"{path}: resolution {resolution_A:g} A is not a spacing; give a number above zero")
    points, entries = grid_points(cell, resolution_A), math.inf
    if points <= _LARGEST_GRID:
        entries = math.prod(2.0 * limit + 1 for limit in limits_to(cell, resolution_A))
    if entries > _LARGEST_BOX:
        raise FileError(
            f"{path}: a resolution of {resolution_A:g} A needs {points:.2g} grid points; give a larger spacing"
        )


def _of_atoms(
    path: str | Path, model: CrystalModel, box: Box, recipe: Recipe
) -> tuple[Complex[np.ndarray, "channels h k l"], list[str]]:
    """Structure factors of the atoms in every channel, and sentences on elements without f' and f''."""
    density = AtomDensity(model.structure, recipe.resolution_A)
    F = np.repeat(density.of_electrons(box)[None], max(1, len(recipe.wavelengths_A)), axis=0)
    if not recipe.wavelengths_A:
        return F, []
    elements = {found.atom.element.atomic_number: found.atom.element for found in model.structure[0].all()}
    for number in sorted(elements):
        added = np.array([dispersion(number, wavelength_A) for wavelength_A in recipe.wavelengths_A])
        if added.any():
            F += added[:, None, None, None] * density.of_unit(box, elements[number])
    heavy = ", ".join(elements[number].name for number in sorted(elements) if number > _HEAVIEST)
    return F, [f"{path}: f' and f'' of {heavy} are not known, and taken as zero"] if heavy else []


def dispersion(atomic_number: int, wavelength_A: float) -> complex:
    """Anomalous f' + i f'' of an element in electrons, from the tables of Cromer and Liberman."""
    real, imaginary = gemmi.cromer_liberman(atomic_number, HC_EV_A / wavelength_A)
    return complex(real, imaginary)
