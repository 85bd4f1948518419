"""Shards that are open for reading: few at a time, however many a dataset has."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import h5py
import hdf5plugin  # noqa: F401  registers the compression of the pixels
import numpy as np

from nbjax.io.images.links import check_sources
from nbjax.io.images.recorded import Request

MOST_OPEN = 16
"""Shards that are open at once; systems grant a process a few hundred files."""


@dataclass(frozen=True)
class Part:
    """Consecutive images of a dataset that are in one file.

    Attributes:
        path: of the file.
        first: number of its first image in the dataset.
        images: how many it holds.
    """

    path: Path
    first: int
    images: int


def parts_of(path: Path) -> list[Part]:
    """The shards behind a master, or a shard by itself.

    Raises:
        FileError: a shard is missing or damaged.
        KeyError, OSError: the file is no dataset.
    """
    with h5py.File(path, "r") as file:
        pixels = file["entry/data/data"]
        check_sources(Request(path, str(path)), pixels)
        if not pixels.is_virtual:
            return [Part(path, 0, len(pixels))]
        ranges = [(source.vspace.get_select_bounds(), source.file_name) for source in pixels.virtual_sources()]
    parts = [Part(path.parent / name, int(first[0]), int(last[0] - first[0]) + 1) for (first, last), name in ranges]
    return sorted(parts, key=lambda part: part.first)


def is_wanted(name: str, fields: frozenset[str] | None) -> bool:
    """Whether a name is among the fields that are asked for, or is a column of a table that is."""
    return fields is None or name in fields or name.partition(".")[0] in fields - {name}


class OpenShard:
    """An open file of images.

    Attributes:
        pixels: shape (image, slow, fast), or (image, panel, slow, fast).
        rows: name -> values of the truth, a row for each image.
        spots: name -> column of the table of spots.
    """

    def __init__(self, path: Path):
        self._file = h5py.File(path, "r")
        self.pixels = self._file["entry/data/data"]
        truth = self._file["entry/truth"]
        self.rows = {name: node for name, node in truth.items() if isinstance(node, h5py.Dataset) and node.shape != ()}
        self.spots = dict(truth["spots"].items()) if "spots" in truth else {}

    @property
    def names(self) -> list[str]:
        """Names of everything in the truth."""
        return [*self.rows, *(f"spots.{name}" for name in self.spots)]

    @cached_property
    def _ends(self) -> np.ndarray:
        """Where the spots of each image end."""
        return np.searchsorted(self.spots["image"][()], self.rows["image"][()], "right")

    def truth(self, first: int, end: int, fields: frozenset[str] | None) -> dict[str, np.ndarray]:
        """The truth of some images, each field with a first axis of images, and the spots of all of them.

        Args:
            first, end: rows of the file.
            fields: names that are wanted; None: all.
        """
        found = {name: values[first:end] for name, values in self.rows.items() if is_wanted(name, fields)}
        columns = {name: node for name, node in self.spots.items() if is_wanted(f"spots.{name}", fields)}
        if columns:
            own = slice(int(self._ends[first - 1]) if first else 0, int(self._ends[end - 1]))
            found |= {f"spots.{name}": node[own] for name, node in columns.items()}
        return found

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class OpenShards:
    """Shards by their path; the one that was not used for longest is closed for another."""

    def __init__(self) -> None:
        self._shards: OrderedDict[Path, OpenShard] = OrderedDict()

    def __getitem__(self, path: Path) -> OpenShard:
        shard = self._shards.pop(path, None)
        if shard is None:
            while len(self._shards) >= MOST_OPEN:
                self._shards.popitem(last=False)[1].close()
            shard = OpenShard(path)
        self._shards[path] = shard
        return shard

    def close(self) -> None:
        """Close all files."""
        while self._shards:
            self._shards.popitem()[1].close()
