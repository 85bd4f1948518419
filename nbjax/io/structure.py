"""Crystal structures from coordinate files, with what such files get wrong compared, mended or refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np

from nbjax.errors import FileError
from nbjax.io.coordinates import WANTED, parse_coordinates
from nbjax.io.files import read_unpacked
from nbjax.io.foreign import Content, refuse_beginning
from nbjax.io.space_group import cell_of, contradicts, difference_of_cells
from nbjax.quantities import QUANTITIES

_LARGEST_DIFFERENCE = 0.01
_NAMED_DIFFERENCE = 0.002
"""Relative; six decimals of a SCALE record leave so much open in a large cell."""
_SAME_SITE_A = 0.5
"""cctbx's default distance of symmetry mates that are one atom."""
_FARTHEST_A = 1e6
_NO_NAMES = ("", "string", "model")
_REMEDIES = {
    Content.REFLECTIONS: f"give it as crystal.reflections_file, or {WANTED}",
    Content.UNSCALED: WANTED,
    Content.EXPERIMENT: WANTED,
    Content.IMAGE: WANTED,
}


@dataclass(frozen=True)
class CrystalModel:
    """The atoms of a crystal.

    Attributes:
        structure: one model in the standard frame of its cell, strict non-crystallographic copies expanded.
        is_small: whether it is a small molecule's, whose file says so by its form.
        warnings: sentences about what was mended, chosen or left out.
    """

    structure: gemmi.Structure
    is_small: bool
    warnings: tuple[str, ...]


def read_structure(path: str | Path, model: int | None = None) -> CrystalModel:
    """The atoms of a PDB, mmCIF or small-molecule CIF file, packed by gzip or not.

    Args:
        path: the file.
        model: number, as in the file, of the model that is taken; None: the first.

    Raises:
        FileError: the file cannot be read, lacks atoms, that model, a unit cell or a known space group, has numbers
            that are none or elements that no table knows, or its cell and the matrix of its SCALE records (mmCIF:
            fract_transf_matrix) are those of two crystals.
    """
    return structure_in(read_unpacked(path), path, model)


def structure_in(content: bytes, path: str | Path, model: int | None = None) -> CrystalModel:
    """The atoms in the unpacked bytes of a file, see ``read_structure``; its name is for messages."""
    refuse_beginning(path, content, _REMEDIES)
    try:
        return _settled(path, *parse_coordinates(path, content), model)
    except UnicodeDecodeError:
        raise FileError(f"{path}: has names with bytes that are no text; fetch the file again") from None


def _settled(
    path: str | Path, structure: gemmi.Structure, is_small: bool, warnings: list[str], model: int | None
) -> CrystalModel:
    """The model that is asked for, in the frame of its cell, with every site once."""
    structure.remove_empty_chains()
    structure.name = structure.name if structure.name.lower() not in _NO_NAMES else Path(path).name.partition(".")[0]
    warnings += _choose_model(path, structure, model)
    if not structure.cell.is_crystal():
        raise FileError(f"{path}: has no unit cell; add a CRYST1 record or the _cell items")
    _check_cell(path, structure.cell)
    _check_group(path, structure)
    _check_atoms(path, structure[0])
    warnings += _settle_frame(path, structure)
    structure.expand_ncs(gemmi.HowToNameCopiedChain.Dup)
    structure.setup_cell_images()
    return CrystalModel(structure, is_small, (*warnings, *_count_sites_once(path, structure)))


def _choose_model(path: str | Path, structure: gemmi.Structure, number: int | None) -> list[str]:
    """Leave one model of a structure."""
    numbers = [model.num for model in structure]
    if not any(True for model in structure for _ in model.all()):
        raise FileError(f"{path}: holds no atoms; {WANTED}")
    if number is not None and number not in numbers:
        held = ", ".join(map(str, numbers[:8])) + (", ..." if len(numbers) > 8 else "")
        raise FileError(f"{path}: has no model {number}; give crystal.coordinates_model as one of {held}")
    chosen = 0 if number is None else numbers.index(number)
    for place in reversed(range(len(numbers))):
        if place != chosen:
            del structure[place]
    if not any(True for _ in structure[0].all()):
        raise FileError(f"{path}: model {numbers[chosen]} holds no atoms; pick another as crystal.coordinates_model")
    if number is not None or len(numbers) == 1:
        return []
    return [
        f"{path}: holds {len(numbers)} models; model {numbers[0]} is taken, crystal.coordinates_model picks another"
    ]


def _check_cell(path: str | Path, cell: gemmi.UnitCell) -> None:
    """Refuse a cell that no configuration could have."""
    for key, values in (("crystal.cell_A", cell.parameters[:3]), ("crystal.cell_deg", cell.parameters[3:])):
        if not all(value in QUANTITIES[key].hard for value in values) or not cell.volume > 0:
            raise FileError(
                f"{path}: has the cell {_shown(np.array(cell.parameters))}, which no crystal has; correct it"
            )


def _check_group(path: str | Path, structure: gemmi.Structure) -> None:
    """Refuse a space group that is unknown or cannot have the cell."""
    said, group = structure.spacegroup_hm, structure.find_spacegroup()
    if said and group is None:
        raise FileError(f"{path}: has unknown space group {said!r}; correct its symbol")
    if group is not None and contradicts(group.operations(), structure.cell):
        cell = _shown(np.array(structure.cell.parameters))
        raise FileError(
            f"{path}: has space group {group.xhm()}, which cannot have the cell {cell}; correct one of them"
        )


def _check_atoms(path: str | Path, model: gemmi.Model) -> None:
    """Refuse atoms that are nowhere, or of elements without form factors."""
    unknown = []
    for chain, residue, atom in _atoms_of(model):
        if not np.abs(atom.pos.tolist()).max() < _FARTHEST_A or not np.isfinite([atom.occ, atom.b_iso]).all():
            raise FileError(
                f"{path}: {_named(chain, residue, atom)} has a position, occupancy or B factor that is not finite or "
                "farther than any crystal is large; correct or remove it"
            )
        if atom.element.atomic_number == 0 or atom.element.it92 is None:
            unknown.append(f"{_named(chain, residue, atom)} ({atom.element.name})")
    if unknown:
        raise FileError(
            f"{path}: the tables of form factors do not know the element of {_listed(unknown)}; give it in columns "
            "77-78 (CIF: type_symbol), or remove such atoms"
        )


def _atoms_of(model: gemmi.Model) -> Iterator[tuple[gemmi.Chain, gemmi.Residue, gemmi.Atom]]:
    return ((chain, residue, atom) for chain in model for residue in chain for atom in residue)


def _named(chain: gemmi.Chain, residue: gemmi.Residue, atom: gemmi.Atom) -> str:
    return f"{atom.name} of {chain.name}/{residue.name} {residue.seqid}"


def _listed(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _settle_frame(path: str | Path, structure: gemmi.Structure) -> list[str]:
    """Compare the matrix of the SCALE records with the cell, and turn the atoms into the cell's standard frame."""
    cell = structure.cell
    if not cell.explicit_matrices:
        return []
    fractional = np.array(cell.frac.mat.tolist())
    handed = np.linalg.det(fractional)
    other = cell_of(np.linalg.inv(fractional)) if handed else np.zeros(6)
    own = np.array(cell.parameters)
    difference = difference_of_cells(other, own)
    shown = f"CRYST1 has the cell {_shown(own)}, the SCALE records (fract_transf_matrix) have {_shown(other)}"
    if difference > _LARGEST_DIFFERENCE:
        raise FileError(f"{path}: {shown}; correct CRYST1, or delete the SCALE records of the old cell")
    if handed < 0:
        raise FileError(f"{path}: the SCALE records (fract_transf_matrix) turn the crystal into its mirror image")
    structure.standardize_crystal_frame()
    # what is left of the records is their rounding, or the small difference that is named
    structure.cell.set(*map(float, own))
    return [f"{path}: {shown}; CRYST1 is used"] if difference > _NAMED_DIFFERENCE else []


def _shown(cell: np.ndarray) -> str:
    return " ".join(f"{value:.5g}" for value in cell)


def _count_sites_once(path: str | Path, structure: gemmi.Structure) -> list[str]:
    """Atoms whose images coincide and would fill their site more than once count once, at the middle of the images."""
    found = []
    for chain, residue, atom in _atoms_of(structure[0]):
        others = structure.cell.is_special_position(atom.pos, _SAME_SITE_A)
        if others and atom.occ * (others + 1) > 1 + 1e-3:
            atom.occ /= others + 1
            atom.pos = _middle(structure.cell, atom.pos)
            found.append(_named(chain, residue, atom))
    if not found:
        return []
    atoms = "1 atom lies" if len(found) == 1 else f"{len(found)} atoms lie"
    return [
        f"{path}: {atoms} on a special position with its full occupancy ({_listed(found)}); each site is counted once"
    ]


def _middle(cell: gemmi.UnitCell, position: gemmi.Position) -> gemmi.Position:
    images = [cell.find_nearest_pbc_position(position, position, i) for i in range(len(cell.images) + 1)]
    close = [image for image in images if image.dist(position) < _SAME_SITE_A]
    return gemmi.Position(*np.mean([image.tolist() for image in close], axis=0))
