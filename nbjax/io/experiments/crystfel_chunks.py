"""Streams of CrystFEL as they are written: the geometry of all images, then a chunk for each image.

A stream may be larger than memory: it is read line by line, a chunk at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from nbjax.io.experiments.words import numbers
from nbjax.io.files import open_binary

_LONGEST_LINE = 1 << 16
_LISTS = {"Peaks from peak search": "End of peak list", "Reflections measured after indexing": "End of reflections"}
Keys = dict[str, tuple[int, str]]
"""Values with the numbers of their lines."""
Words = tuple[int, list[str]]
"""A line of a list: its number, and its words."""


@dataclass
class ChunkCrystal:
    """A crystal.

    Attributes:
        keys: what is told of it.
        reflections: lines of its predicted reflections, the names of the columns first.
    """

    keys: Keys = field(default_factory=dict)
    reflections: list[Words] = field(default_factory=list)


@dataclass
class Chunk:
    """An image.

    Attributes:
        serial: its serial number.
        file: name of its file.
        event: which one of the file it is, as in ``tag//3``.
        keys: what is told of it.
        peaks: lines of the spots that were found, the names of the columns first.
        crystals: in their order.
    """

    serial: int = 0
    file: str = ""
    event: str = ""
    keys: Keys = field(default_factory=dict)
    peaks: list[Words] = field(default_factory=list)
    crystals: list[ChunkCrystal] = field(default_factory=list)


@dataclass
class Header:
    """What goes before the images.

    Attributes:
        geometry: its lines.
        first_line: number of the first.
    """

    geometry: list[str] = field(default_factory=list)
    first_line: int = 1


def chunks(path: str, header: Header, lists: bool = False) -> Iterator[Chunk]:
    """Each image.

    Args:
        path: of the stream.
        header: is filled on the way.
        lists: whether peaks and reflections are wanted.

    Raises:
        FileError: it cannot be read, or a serial number is none.
    """
    chunk: Chunk | None = None
    crystal: ChunkCrystal | None = None
    rows: list[Words] | None = None
    end, in_geometry = "", False
    for number, line in _lines(path, lists):
        if rows is not None:
            if not line.startswith((end, "-----", "--- ")):
                rows.append((number, line.split()))
                continue
            rows = None
        if line.startswith("-----"):
            in_geometry = line.startswith("----- Begin geometry")
            if in_geometry:
                header.geometry.clear()
                header.first_line = number + 1
            elif line.startswith("----- Begin chunk"):
                chunk, crystal = Chunk(), None
            elif line.startswith("----- End chunk"):
                if chunk is not None:
                    yield chunk
                chunk, crystal = None, None
        elif in_geometry:
            header.geometry.append(line)
        elif chunk is None:
            continue
        elif line.startswith("--- Begin crystal"):
            crystal = ChunkCrystal()
            chunk.crystals.append(crystal)
        elif line.startswith("--- End crystal"):
            crystal = None
        elif lists and line in _LISTS:
            rows, end = (chunk.peaks if crystal is None else crystal.reflections), _LISTS[line]
        else:
            _take(chunk, crystal, f"{path}: line {number}", number, line)
    if chunk is not None:
        yield chunk


def _take(chunk: Chunk, crystal: ChunkCrystal | None, place: str, number: int, line: str) -> None:
    """What a line says."""
    if line.startswith("Image serial number:"):
        chunk.serial = int(numbers(place, line.partition(":")[2].split(), 1)[0])
    elif line.startswith("Image filename:"):
        chunk.file = line.partition(":")[2].strip()
    elif line.startswith("Event:"):
        chunk.event = line.partition(":")[2].strip()
    elif "=" in line:
        key, _, value = line.partition("=")
        (chunk.keys if crystal is None else crystal.keys)[key.strip()] = (number, value.strip())


def _lines(path: str, lists: bool) -> Iterator[tuple[int, str]]:
    """Lines that may tell something; those of peaks and reflections begin with a blank or a digit."""
    with open_binary(path) as handle:
        number, in_geometry = 0, False
        while line := handle.readline(_LONGEST_LINE):
            number += 1
            if line.startswith(b"-----"):
                in_geometry = line.startswith(b"----- Begin geometry")
            if lists or in_geometry or line[:1].isalpha() or line[:1] in (b"-", b";"):
                yield number, line.decode("utf-8", "replace").rstrip()
