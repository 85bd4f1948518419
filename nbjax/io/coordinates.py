"""Coordinates files: PDB, mmCIF and CIF of small molecules, packed by gzip or not, told apart by their content."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from pathlib import Path

import gemmi
import numpy as np

from nbjax.errors import FileError
from nbjax.io.foreign import is_cif

WANTED = "give a PDB or mmCIF file with coordinates"
_B_OF_U = 8 * math.pi**2

Field = tuple[int, int]
_CRYST1: tuple[Field, ...] = ((6, 15), (15, 24), (24, 33), (33, 40), (40, 47), (47, 54))
_MATRIX: tuple[Field, ...] = ((10, 20), (20, 30), (30, 40), (45, 55))
_ATOM: tuple[Field, ...] = ((30, 38), (38, 46), (46, 54), (54, 60), (60, 66))
_ANISOU: tuple[Field, ...] = tuple((start, start + 7) for start in range(28, 70, 7))
_FIELDS = {"CRYST1": _CRYST1, "ATOM  ": _ATOM, "HETATM": _ATOM, "ANISOU": _ANISOU}
_FIELDS |= {f"{name}{row}": _MATRIX for name in ("SCALE", "MTRIX") for row in (1, 2, 3)}
"""Record of a PDB file -> columns of its numbers, of which a reader takes what is no number for zero."""
_POSITION = 54
"""Columns of an atom up to the end of its position; what comes after may be left out."""
_NUMBERS = ("Cartn_x", "Cartn_y", "Cartn_z", "occupancy", "B_iso_or_equiv")
_MAY_LACK = ("occupancy", "B_iso_or_equiv")


def parse_coordinates(path: str | Path, content: bytes) -> tuple[gemmi.Structure, bool, list[str]]:
    """What a coordinates file says, as it stands.

    Args:
        path: its name, for messages.
        content: its bytes, unpacked.

    Returns:
        The structure, whether it is a small molecule's, and sentences on what was left out.

    Raises:
        FileError: it is no coordinates file, or a field that must be a number is none.
    """
    try:
        if is_cif(content):
            return _parse_cif(path, gemmi.cif.read_string(content))
        _check_fields(path, content)
        return gemmi.read_pdb_string(content), False, []
    except (OSError, RuntimeError, ValueError, IndexError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise FileError(
            f"{path}: cannot be read as coordinates ({first}); give a .pdb, .ent, .cif or .mmcif file"
        ) from None


def _check_fields(path: str | Path, content: bytes) -> None:
    """Refuse a PDB file in which a number is none, such as ``********``."""
    atoms = False
    for number, line in enumerate(content.decode("latin-1").splitlines(), 1):
        fields = _FIELDS.get(line[:6].ljust(6).upper())
        if fields is None:
            continue
        atoms |= fields is _ATOM
        line = line.rstrip()
        if fields is _ATOM and len(line) < _POSITION:
            raise FileError(f"{path}: line {number} is cut short: {line!r}; fetch the file again, or remove the line")
        for start, end in fields:
            text = line[start:end]
            if not _is_number(text) and (text.strip() or len(line) > end):
                raise FileError(
                    f"{path}: line {number} has {text.strip()!r} in columns {start + 1} to {end}, where a number is "
                    "wanted; correct or remove the line"
                )
    if not atoms and not re.search(rb"(?m)^(HEADER|TITLE|REMARK|CRYST1)", content):
        raise ValueError("neither records of a PDB file nor a CIF data block")


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text)) and "_" not in text
    except ValueError:
        return False


def _parse_cif(path: str | Path, document: gemmi.cif.Document) -> tuple[gemmi.Structure, bool, list[str]]:
    """The first block with coordinates."""
    blocks = [(block, is_small) for block in document for is_small in (False, True) if _has_atoms(block, is_small)]
    if not blocks:
        raise FileError(f"{path}: holds no atoms; {WANTED}")
    block, is_small = blocks[0]
    left = []
    if len(blocks) > 1:
        left.append(f"{path}: has {len(blocks)} blocks with coordinates; the first, {block.name}, is taken")
    if is_small:
        structure, lacking = _of_small(path, gemmi.make_small_structure_from_block(block))
        return structure, True, left + lacking
    for name in _NUMBERS:
        for row, text in enumerate(block.find_values(f"_atom_site.{name}"), 1):
            if not math.isfinite(gemmi.cif.as_number(text)) and not (name in _MAY_LACK and gemmi.cif.is_null(text)):
                problem = f"has {text!r} as _atom_site.{name}, where a number is wanted"
                raise FileError(f"{path}: atom {row} {problem}; correct or remove it")
    return gemmi.make_structure_from_block(block), False, left


def _has_atoms(block: gemmi.cif.Block, is_small: bool) -> bool:
    return len(block.find_values("_atom_site_fract_x" if is_small else "_atom_site.Cartn_x")) > 0


def _of_small(path: str | Path, small: gemmi.SmallStructure) -> tuple[gemmi.Structure, list[str]]:
    """A small molecule's sites as atoms of one residue, each with its share of a site on a special position."""
    if small.cell.is_crystal() and small.spacegroup is None:
        said = small.spacegroup_hm or small.spacegroup_hall or "none"
        raise FileError(
            f"{path}: has unknown space group ({said}, with {len(small.symops)} operators); give its symbol or its "
            "operators in a setting of International Tables"
        )
    small.setup_cell_images()
    small.change_occupancies_to_crystallographic()
    structure = gemmi.Structure()
    structure.name, structure.cell = small.name, small.cell
    structure.spacegroup_hm = small.spacegroup.xhm() if small.spacegroup else ""
    residue, lacking = gemmi.Residue(), 0
    residue.name, residue.seqid = "MOL", gemmi.SeqId("1")
    for site in small.sites:
        if not np.isfinite(site.fract.tolist()).all():
            lacking += 1
            continue
        residue.add_atom(_atom_of(site, small.cell))
    chain, model = gemmi.Chain("A"), gemmi.Model(1)
    chain.add_residue(residue)
    model.add_chain(chain)
    structure.add_model(model)
    return structure, [f"{path}: {lacking} atoms without a position are left out"] if lacking else []


def _atom_of(site: gemmi.SmallStructure.Site, cell: gemmi.UnitCell) -> gemmi.Atom:
    atom = gemmi.Atom()
    atom.name, atom.element, atom.charge = site.label, site.element, site.charge
    atom.occ, atom.pos = site.occ, cell.orthogonalize(site.fract)
    atom.b_iso = _B_OF_U * site.u_iso
    if site.aniso.nonzero():
        atom.aniso = gemmi.SMat33f(*_cartesian(site.aniso.elements_pdb(), cell))
        atom.b_iso = _B_OF_U * atom.aniso.trace() / 3
    return atom


def _cartesian(u: Iterable[float], cell: gemmi.UnitCell) -> list[float]:
    """Displacements along reciprocal axes, as CIF has them, in the standard frame of the cell; 11 22 33 12 13 23."""
    u11, u22, u33, u12, u13, u23 = u
    star = cell.reciprocal()
    turn = np.array(cell.orth.mat.tolist()) * [star.a, star.b, star.c]
    whole = turn @ np.array([[u11, u12, u13], [u12, u22, u23], [u13, u23, u33]]) @ turn.T
    return [float(whole[i, j]) for i, j in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))]
