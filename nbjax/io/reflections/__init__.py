"""Reflection files of every kind, told by their content: one file a format, one line in ``READERS``."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from nbjax.errors import FileError
from nbjax.io.files import read_unpacked
from nbjax.io.foreign import Content, refuse_beginning
from nbjax.io.reflections.crystfel_list import CrystfelList
from nbjax.io.reflections.mtz import Mtz
from nbjax.io.reflections.reflection_list import ReflectionList
from nbjax.io.reflections.sf_cif import SfCif
from nbjax.io.reflections.shelx import Shelx
from nbjax.io.reflections.text import Text
from nbjax.io.reflections.xds import XdsAscii

_WANTED = "give reflections"
_REMEDIES = {
    Content.COORDINATES: "give it as crystal.coordinates_file",
    Content.SMALL_MOLECULE: "give it as crystal.coordinates_file",
    Content.EXPERIMENT: "give the reflections that were merged from it",
    Content.UNSCALED: "scale it with CORRECT and give XDS_ASCII.HKL",
    Content.IMAGE: _WANTED,
    Content.COMPRESSED: "unpack it",
}


class Reader(Protocol):
    """How the files of one format are told and read."""

    name: str

    def recognises(self, content: bytes) -> bool:
        """Whether bytes are a file of the format."""
        ...

    def read(self, content: bytes, name: str, column: str | None) -> ReflectionList:
        """The list in a file's bytes.

        Args:
            content: bytes of the file.
            name: of the file, for messages.
            column: label of the column that the user wants, or None.

        Raises:
            FileError: the file is damaged, or does not hold what is wanted.
        """
        ...


READERS: tuple[Reader, ...] = (Mtz(), SfCif(), CrystfelList(), XdsAscii(), Shelx(), Text())
"""Formats, the first that recognises a file reads it."""


def read_reflections(path: str | Path, column: str | None = None) -> ReflectionList:
    """Read a reflection file of any known format, packed by gzip or not.

    Args:
        path: the file.
        column: label of the column to take; None for the best there is.

    Raises:
        FileError: the file cannot be read, is of no known format, is damaged, or does not hold what is wanted.
    """
    return parse_reflections(read_unpacked(path), str(path), column)


def parse_reflections(content: bytes, name: str, column: str | None = None) -> ReflectionList:
    """As ``read_reflections``, from the unpacked bytes of a file."""
    for reader in READERS:
        if reader.recognises(content):
            found = reader.read(content, name, column)
            if not len(found.miller):
                raise FileError(f"{name}: holds no reflections; check that it is the right file")
            return found
    refuse_beginning(name, content, _REMEDIES)
    known = ", ".join(reader.name for reader in READERS)
    raise FileError(f"{name}: is no reflection file of a known kind ({known}); check that it is the right file")
