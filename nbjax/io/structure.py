"""Crystal structures from coordinate files, with what such files get wrong compared, mended or refused."""

from __future__ import annotations

from pathlib import Path

import gemmi
import numpy as np

from nbjax.errors import FileError
from nbjax.io.foreign import Content, refuse_foreign

_LARGEST_DIFFERENCE = 0.01
_NAMED_DIFFERENCE = 0.002
"""Relative; six decimals of a SCALE record leave so much open in a large cell."""
_SAME_SITE_A = 0.5
"""cctbx's default distance of symmetry mates that are one atom."""
_WANTED = "give a PDB or mmCIF file with coordinates"
_REMEDIES = {
    Content.REFLECTIONS: f"give its amplitudes as crystal.hkl_file, or {_WANTED}",
    Content.SMALL_MOLECULE: "convert it to a PDB file with its cell and space group",
    Content.EXPERIMENT: _WANTED,
    Content.IMAGE: _WANTED,
}


def read_structure(path: str | Path) -> tuple[gemmi.Structure, tuple[str, ...]]:
    """A structure in the standard frame of its cell, its copies expanded, and sentences about what was mended.

    Raises:
        FileError: the file cannot be read, has no atoms, unit cell or known space group, or its cell and the matrix of
            its SCALE records (mmCIF: fract_transf_matrix) are those of two crystals.
    """
    refuse_foreign(path, _REMEDIES)
    try:
        structure = gemmi.read_structure(str(path))
    except (OSError, RuntimeError, ValueError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise FileError(
            f"{path}: cannot be read as coordinates ({first}); give a .pdb, .ent, .cif or .mmcif file"
        ) from None
    structure.remove_empty_chains()
    if len(structure) == 0 or not any(True for _ in structure[0].all()):
        raise FileError(f"{path}: holds no atoms; {_WANTED}")
    if not structure.cell.is_crystal():
        raise FileError(f"{path}: has no unit cell; add a CRYST1 record or the _cell items")
    if structure.spacegroup_hm and structure.find_spacegroup() is None:
        raise FileError(f"{path}: has unknown space group {structure.spacegroup_hm!r}; correct its symbol")
    warnings = _settle_frame(path, structure)
    structure.expand_ncs(gemmi.HowToNameCopiedChain.Dup)
    structure.setup_cell_images()
    return structure, (*warnings, *_count_sites_once(path, structure))


def _settle_frame(path: str | Path, structure: gemmi.Structure) -> list[str]:
    """Compare the matrix of the SCALE records with the cell, and turn the atoms into the cell's standard frame."""
    cell = structure.cell
    if not cell.explicit_matrices:
        return []
    fractional = np.array(cell.frac.mat.tolist())
    handed = np.linalg.det(fractional)
    other = _cell_of(np.linalg.inv(fractional)) if handed else np.zeros(6)
    own = np.array(cell.parameters)
    difference = max(np.abs(other[:3] / own[:3] - 1).max(), np.abs(other[3:] - own[3:]).max() / 100)
    shown = f"CRYST1 has the cell {_shown(own)}, the SCALE records (fract_transf_matrix) have {_shown(other)}"
    if difference > _LARGEST_DIFFERENCE:
        raise FileError(f"{path}: {shown}; correct CRYST1, or delete the SCALE records of the old cell")
    if handed < 0:
        raise FileError(f"{path}: the SCALE records (fract_transf_matrix) turn the crystal into its mirror image")
    structure.standardize_crystal_frame()
    # what is left of the records is their rounding, or the small difference that is named
    structure.cell.set(*map(float, own))
    return [f"{path}: {shown}; CRYST1 is used"] if difference > _NAMED_DIFFERENCE else []


def _cell_of(direct: np.ndarray) -> np.ndarray:
    """Lengths and angles in degrees of direct vectors given as columns."""
    lengths = np.linalg.norm(direct, axis=0)
    cosines = (direct / lengths).T @ (direct / lengths)
    angles = np.degrees(np.arccos(np.clip(cosines[[1, 2, 0], [2, 0, 1]], -1, 1)))
    return np.concatenate([lengths, angles])


def _shown(cell: np.ndarray) -> str:
    return " ".join(f"{value:.5g}" for value in cell)


def _count_sites_once(path: str | Path, structure: gemmi.Structure) -> list[str]:
    """Atoms whose images coincide and would fill their site more than once count once, at the middle of the images."""
    found = []
    for chain, residue, atom in ((c.name, r, a) for c in structure[0] for r in c for a in r):
        others = structure.cell.is_special_position(atom.pos, _SAME_SITE_A)
        if others and atom.occ * (others + 1) > 1 + 1e-3:
            atom.occ /= others + 1
            atom.pos = _middle(structure.cell, atom.pos)
            found.append(f"{atom.name} of {chain}/{residue.name} {residue.seqid}")
    if not found:
        return []
    listed = ", ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
    atoms = "1 atom lies" if len(found) == 1 else f"{len(found)} atoms lie"
    return [f"{path}: {atoms} on a special position with its full occupancy ({listed}); each site is counted once"]


def _middle(cell: gemmi.UnitCell, position: gemmi.Position) -> gemmi.Position:
    images = [cell.find_nearest_pbc_position(position, position, i) for i in range(len(cell.images) + 1)]
    close = [image for image in images if image.dist(position) < _SAME_SITE_A]
    return gemmi.Position(*np.mean([image.tolist() for image in close], axis=0))
