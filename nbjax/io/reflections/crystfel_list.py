"""Reflection lists of CrystFEL: merged intensities by point group."""

from __future__ import annotations

import re

import gemmi
import numpy as np

from nbjax.errors import FileError
from nbjax.io.files import as_text
from nbjax.io.reflections.reflection_list import ReflectionList
from nbjax.io.reflections.rows import number_rows
from nbjax.io.symmetry import Symmetry

BEGINNING = "CrystFEL reflection list"
END = "End of reflections"
_WANTED = "h k l I phase sigma(I) nmeas"
_GROUPS = {
    **{name: name for name in ("1", "-1", "mmm", "222", "mm2", "23", "m-3", "432", "-43m", "m-3m")},
    **{name: name for name in ("4/m", "4", "-4", "4/mmm", "422", "-42m", "-4m2", "4mm")},
    **{name: name for name in ("6/m", "6", "-6", "6/mmm", "622", "-62m", "-6m2", "6mm")},
    **{f"{name}_H": name for name in ("3", "-3", "321", "312", "3m1", "31m", "-3m1", "-31m")},
    **{f"{name}_R": f"R{name}" for name in ("3", "-3", "32", "3m", "-3m")},
    **{name: f"P 1 1 {name}" for name in ("2/m", "2", "m")},
}
"""CrystFEL's symbol, whose unique axis is c -> a space group of gemmi with these operators."""
_TURNED = {"a": gemmi.Op("z,x,y"), "b": gemmi.Op("y,z,x"), "c": gemmi.Op("x,y,z")}
"""Cyclic changes of axes that make another axis than c the unique one."""


class CrystfelList:
    """Text with a header, a line h k l I phase sigma(I) nmeas for each reflection, and a footer."""

    name = "reflection list of CrystFEL"

    def recognises(self, content: bytes) -> bool:
        """Whether the header is that of such a list."""
        return content.startswith(BEGINNING.encode())

    def read(self, content: bytes, name: str, column: str | None) -> ReflectionList:
        """Read the list; its only column is I."""
        if column not in (None, "I"):
            raise FileError(f"{name}: is a reflection list of CrystFEL, whose column is I; {column!r} is not there")
        text, end, _ = as_text(content, name).partition(f"\n{END}")
        if not end:
            raise FileError(f"{name}: does not end with {END!r}; it is cut short: write it again")
        lines = text.split("\n")
        first = next((i for i, line in enumerate(lines) if line.split()[:4] == ["h", "k", "l", "I"]), None)
        if first is None:
            raise FileError(f"{name}: has no line with the names of its columns, {_WANTED}; write it again")
        symmetry = next(
            (line.partition(":")[2].strip() for line in lines[:first] if line.startswith("Symmetry:")), None
        )
        # blank lines keep the numbers of the others
        rows = number_rows(name, "\n" * (first + 1) + "\n".join(lines[first + 1 :]), (0, 1, 2, 3, 5), _WANTED)
        return ReflectionList(
            miller=rows[:, :3].astype(np.int32),
            values=rows[:, 3].copy(),
            kind="intensity",
            column="I",
            measured=True,
            sigma=rows[:, 4].copy(),
            symmetry=None if symmetry is None else _point_group(symmetry, name),
        )


def _point_group(symbol: str, name: str) -> Symmetry:
    """Operators of CrystFEL's symbol, such as ``4/mmm``, ``2/m_uab`` or ``-3m1_H``.

    Raises:
        FileError: it is none.
    """
    found = re.fullmatch(r"(.*?)(?:_ua([abc]))?", symbol)
    base, axis = (symbol, None) if found is None else found.groups()
    if base not in _GROUPS:
        raise FileError(f"{name}: has the symmetry {symbol!r}, no point group of CrystFEL; give crystal.space_group")
    group = _GROUPS[base]
    full = group if group.startswith(("P", "R")) else f"P {group}"
    space_group = gemmi.find_spacegroup_by_name(f"{full}:R" if full.startswith("R") else full)
    operators = space_group.operations()
    if axis is not None:
        operators.change_basis_forward(_TURNED[axis])
    return Symmetry(f"point group {symbol}", operators)


def crystfel_symbol(symmetry: Symmetry, friedel: bool) -> str:
    """CrystFEL's symbol of the point group of a space group, with the inversion where Friedel mates are equal.

    A group in whose setting CrystFEL has none is written as the triclinic one, which holds for every list.
    """
    wanted = symmetry.operators.derive_symmorphic()
    wanted.cen_ops = [[0, 0, 0]]
    if friedel:
        wanted.add_inversion()
    mine = _rotations(wanted)
    for base in _GROUPS:
        for axis in (None, "a", "b"):
            symbol = base if axis is None else f"{base}_ua{axis}"
            if _rotations(_point_group(symbol, "").operators) == mine:
                return symbol
    return "-1" if friedel else "1"


def _rotations(operators: gemmi.GroupOps) -> set[tuple[int, ...]]:
    return {tuple(np.ravel(op.rot).tolist()) for op in operators.sym_ops}
