"""Files of other programs, known by how they begin, so that a refusal says what a file is and what to make of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from pathlib import Path

from nbjax.errors import FileError
from nbjax.io.files import open_binary

_LOOKED_AT_BYTES = 1 << 20
"""Of a file; what comes before the atoms or the reflections of a CIF is shorter."""


class Content(Enum):
    """What a file of another program holds."""

    REFLECTIONS = "reflections"
    COORDINATES = "coordinates"
    SMALL_MOLECULE = "small molecule"
    EXPERIMENT = "experiment"
    UNSCALED = "unscaled"
    IMAGE = "image"
    COMPRESSED = "compressed"


_CIF = rb"(?s)\s*(#[^\n]*\n\s*)*data_"
_BEGINNINGS = (
    (rb"MTZ ", "an MTZ file", Content.REFLECTIONS),
    (rb"CrystFEL reflection list", "a reflection list of CrystFEL", Content.REFLECTIONS),
    (rb"CrystFEL stream", "a stream of CrystFEL", Content.EXPERIMENT),
    (rb"!FORMAT=XDS_ASCII", "a reflection file of XDS", Content.REFLECTIONS),
    (rb"!OUTPUT_FILE=", "a list of unscaled intensities of XDS", Content.UNSCALED),
    (rb"\s*\{\s*\"__id__\"", "an experiment list of DIALS", Content.EXPERIMENT),
    (rb"(HEADER|TITLE|COMPND|CRYST1|MODEL|ATOM|HETATM|REMARK) ", "a PDB file", Content.COORDINATES),
    (rb"\x89HDF", "an HDF5 file", Content.IMAGE),
    (rb"\x1f\x8b|BZh|\xfd7zXZ", "a compressed file", Content.COMPRESSED),
    (_CIF + rb".*\n_refln[_.]", "a CIF of reflections", Content.REFLECTIONS),
    (_CIF + rb".*\n_atom_site_fract_x", "a CIF of fractional coordinates", Content.SMALL_MOLECULE),
    (_CIF + rb".*\n_atom_site\.", "an mmCIF of coordinates", Content.COORDINATES),
)


def content_of(path: str | Path) -> tuple[str, Content] | None:
    """What a file of another program is, in words, and what it holds; None where it begins as none.

    Raises:
        FileError: the file cannot be read.
    """
    with open_binary(path) as handle:
        return content_in(handle.read(_LOOKED_AT_BYTES))


def content_in(start: bytes) -> tuple[str, Content] | None:
    """As ``content_of``, of the first bytes of a file."""
    found = start[:_LOOKED_AT_BYTES]
    return next(((name, content) for pattern, name, content in _BEGINNINGS if re.match(pattern, found)), None)


def refuse_foreign(path: str | Path, remedies: Mapping[Content, str]) -> None:
    """Refuse a file of another program.

    Args:
        path: the file.
        remedies: for each content that is not wanted, what to do instead.

    Raises:
        FileError: the file cannot be read, or begins as one that has a remedy.
    """
    with open_binary(path) as handle:
        start = handle.read(_LOOKED_AT_BYTES)
    refuse_beginning(path, start, remedies)


def refuse_beginning(path: str | Path, start: bytes, remedies: Mapping[Content, str]) -> None:
    """Refuse a file of another program by its first bytes, see ``refuse_foreign``."""
    for pattern, name, content in _BEGINNINGS:
        if content in remedies and re.match(pattern, start[:_LOOKED_AT_BYTES]):
            raise FileError(f"{path}: is {name}; {remedies[content]}")


def is_cif(content: bytes) -> bool:
    """Whether a file is a CIF of whatever kind."""
    return re.match(_CIF, content) is not None
