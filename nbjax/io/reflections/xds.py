"""Reflection files of XDS: XDS_ASCII.HKL and what XSCALE writes."""

from __future__ import annotations

import re

import numpy as np

from nbjax.errors import FileError
from nbjax.io.files import as_text
from nbjax.io.reflections.reflection_list import ReflectionList
from nbjax.io.reflections.rows import number_rows
from nbjax.io.symmetry import Symmetry, is_number_of_group, named_symmetry

_BEGINNING = b"!FORMAT=XDS_ASCII"
_WANTED = "h k l IOBS SIGMA(IOBS)"
_ITEM = re.compile(r"^!ITEM_(H|K|L|IOBS|SIGMA\(IOBS\))= *(\d{1,2}) *$", re.MULTILINE)
_ITEMS = ("H", "K", "L", "IOBS", "SIGMA(IOBS)")


class XdsAscii:
    """Text with a header of lines that begin with !; observations or merged intensities."""

    name = "XDS_ASCII"

    def recognises(self, content: bytes) -> bool:
        """Whether the first line is that of XDS_ASCII."""
        return content.startswith(_BEGINNING)

    def read(self, content: bytes, name: str, column: str | None) -> ReflectionList:
        """Read the list; its only column is IOBS. Misfits, which have a negative sigma, are left out."""
        if column not in (None, "IOBS"):
            raise FileError(f"{name}: is a file of XDS, whose column is IOBS; {column!r} is not there")
        text = as_text(content, name)
        if "\n!END_OF_DATA" not in text:
            raise FileError(f"{name}: does not end with !END_OF_DATA; it is cut short: write it again")
        items = {item: int(place) - 1 for item, place in _ITEM.findall(text)}
        places = tuple(items.get(item, place) for place, item in enumerate(_ITEMS))
        if min(places) < 0:
            raise FileError(f"{name}: has an !ITEM_ line that counts from 0; columns count from 1")
        rows = number_rows(name, text, places, _WANTED, comment="!")
        rows = rows[rows[:, 4] > 0]
        if not len(rows):
            raise FileError(f"{name}: has misfits (negative SIGMA) only; scale the data again")
        cell = _numbers(text, "UNIT_CELL_CONSTANTS", 6, name)
        wavelength = _numbers(text, "X-RAY_WAVELENGTH", 1, name)
        first_line = text.split("\n", 1)[0]
        return ReflectionList(
            miller=rows[:, :3].astype(np.int32),
            values=rows[:, 3].copy(),
            kind="intensity",
            column="IOBS",
            measured=True,
            sigma=rows[:, 4].copy(),
            friedel=re.search(r"FRIEDEL'S_LAW= *TRUE", first_line) is not None,
            cell=cell,
            symmetry=_symmetry(text, cell, name),
            wavelength_A=None if wavelength is None else float(wavelength[0]),
        )


def _numbers(text: str, key: str, count: int, name: str) -> np.ndarray | None:
    found = re.search(rf"^!{re.escape(key)}=(.*)$", text, re.MULTILINE)
    if found is None:
        return None
    try:
        numbers = np.array(found.group(1).split(), float)
    except ValueError:
        numbers = np.zeros(0)
    if len(numbers) != count or not (np.isfinite(numbers).all() and (numbers > 0).all()):
        raise FileError(f"{name}: has !{key}={found.group(1)[:80]}, not {count} numbers above zero; correct the line")
    return numbers


def _symmetry(text: str, cell: np.ndarray | None, name: str) -> Symmetry | None:
    found = re.search(r"^!SPACE_GROUP_NUMBER=(.*)$", text, re.MULTILINE)
    if found is None or found.group(1).strip() == "0":
        return None
    number = found.group(1).strip()
    symmetry = named_symmetry(number, cell) if is_number_of_group(number) else None
    if symmetry is None:
        raise FileError(f"{name}: has the space group number {number[:20]!r}; give one from 1 to 230")
    return symmetry
