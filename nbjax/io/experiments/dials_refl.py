"""Reflection tables of DIALS (``.refl``): columns of packed numbers in one MessagePack array.

The array is the name of the type, a version, and a map of identifiers of experiments, the number of rows, and columns,
each of its type in C++ and of (rows, bytes in little-endian order) (dials/array_family/boost_python/
flex_reflection_table.cc).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgpack
import numpy as np

from nbjax.errors import FileError
from nbjax.io.files import read_bytes

MAGIC = "dials::af::reflection_table"
INDEXED, INTEGRATED_PRF = 1 << 2, 1 << 9
"""Bits of the column ``flags``."""

_TYPES: dict[str, tuple[str, int]] = {
    "bool": ("?", 1),
    "int": ("<i4", 1),
    "std::size_t": ("<u8", 1),
    "double": ("<f8", 1),
    "vec2<double>": ("<f8", 2),
    "vec3<double>": ("<f8", 3),
    "mat3<double>": ("<f8", 9),
    "int6": ("<i4", 6),
    "cctbx::miller::index<>": ("<i4", 3),
}
_BY_COLUMN = {"miller_index": "cctbx::miller::index<>", "bbox": "int6", "panel": "std::size_t", "flags": "std::size_t"}
_BY_SHAPE = {("f", 1): "double", ("f", 2): "vec2<double>", ("f", 3): "vec3<double>", ("i", 1): "int", ("b", 1): "bool"}


@dataclass(frozen=True)
class ReflectionTable:
    """Rows of reflections or of spots.

    Attributes:
        columns: of each name an array whose first axis is the rows.
        identifiers: of the experiments, by the number in the column ``id``.
        file: name of the file.
    """

    columns: Mapping[str, np.ndarray]
    identifiers: Mapping[int, str] = field(default_factory=dict)
    file: str = ""

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def at(self, name: str) -> np.ndarray:
        """A column.

        Raises:
            FileError: there is none.
        """
        if name not in self.columns:
            raise FileError(f"{self.file}: has no column {name}; give the table that dials.index or refine wrote")
        return self.columns[name]


def read_refl(path: str | Path) -> ReflectionTable:
    """The columns of a table whose types are known; shoeboxes and texts are passed over.

    Raises:
        FileError: it cannot be read, is no table or damaged.
    """
    try:
        found = msgpack.unpackb(read_bytes(path), raw=False, strict_map_key=False, unicode_errors="replace")
    except (ValueError, msgpack.UnpackException):
        raise FileError(f"{path}: is no reflection table of DIALS, or cut short; write it again") from None
    if not isinstance(found, list) or len(found) != 3 or found[0] != MAGIC or not isinstance(found[2], dict):
        raise FileError(f"{path}: is no reflection table of DIALS; give a .refl of dials.index or dials.refine")
    try:
        return _table(found[2], str(path))
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise FileError(f"{path}: is damaged ({error}); write it again") from None


def _table(body: dict[str, Any], path: str) -> ReflectionTable:
    """The table of a file's content; raises whatever else the content has in its place makes."""
    columns: dict[str, np.ndarray] = {}
    for name, (word, (rows, content)) in dict(body.get("data", {})).items():
        kind = _TYPES.get(word)
        if kind is None:
            continue
        values = np.frombuffer(content, kind[0], count=-1 if len(content) % np.dtype(kind[0]).itemsize == 0 else 0)
        if values.size != rows * kind[1] or rows != body.get("nrows"):
            raise FileError(f"{path}: its column {name} has not {body.get('nrows')} rows; write it again")
        columns[name] = values.reshape(rows, kind[1]) if kind[1] > 1 else values
    identifiers = {int(number): str(name) for number, name in dict(body.get("identifiers", {})).items()}
    return ReflectionTable(columns, identifiers, path)


def refl_bytes(table: ReflectionTable) -> bytes:
    """A table as DIALS reads it."""
    data = {}
    for name, values in table.columns.items():
        flat = np.asarray(values).reshape(len(values), -1)
        kind = flat.dtype.kind.replace("u", "i")
        word = _BY_COLUMN.get(name) or _BY_SHAPE[kind, flat.shape[1]]
        data[name] = [word, [len(flat), np.ascontiguousarray(flat, _TYPES[word][0]).tobytes()]]
    body = {"identifiers": dict(table.identifiers), "nrows": len(table), "data": data}
    packed: bytes = msgpack.packb([MAGIC, 1, body])
    return packed
