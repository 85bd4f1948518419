"""Datasets as an iterator of images and their truth."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import overload

import h5py
import numpy as np

from nbjax.dataset.opened import OpenShards, Part, is_wanted, parts_of
from nbjax.dataset.shard import digest, digest_of_labels
from nbjax.errors import FileError, UsageError

Truth = dict[str, np.ndarray]


class Images:
    """Images of a master or a shard, in order; nothing is read before it is asked for.

    ``images[i]`` is (pixels, truth): pixels of shape (slow, fast), or (panel, slow, fast), and a dictionary of arrays
    with the names that the file uses below ``/entry/truth``. A table of spots is cut to the image's own rows and named
    ``spots.intensity`` and so on. ``images[i:j]`` is the same of several images: everything has a first axis of images,
    but for the spots, which follow one another and have their image in ``spots.image``. The object can be iterated
    over, is a context manager, and can be pickled for the workers of a data loader.
    However many shards there are, few are open at a time.

    Args:
        path: of a master or a shard.
        verify: compare the pixels and the truth of every image that is read with their checksums.
        fields: names of the truth that are read, ``spots`` for all columns of the table; None: all, which takes longer.

    Attributes:
        path: the same.
        config: TOML text of the recipe and the run.

    Raises:
        FileError: the file is no dataset, or one of its shards is missing or damaged.
    """

    def __init__(self, path: str | Path, verify: bool = False, fields: Iterable[str] | None = None):
        if isinstance(fields, str):
            raise UsageError(f"fields: got {fields!r}, a list of names is wanted, as [{fields!r}]")
        self.path, self.verify = Path(path), verify
        self.fields = None if fields is None else frozenset(fields)
        self._open()

    def _open(self) -> None:
        self._shards = OpenShards()
        try:
            with h5py.File(self.path, "r") as file:
                self.config = file["entry/truth/config"][()].decode()
            self._parts = parts_of(self.path)
        except (OSError, KeyError) as error:
            raise FileError(
                f"{self.path}: is no dataset that can be read ({error}); give a master or a shard"
            ) from None
        self._firsts = [part.first for part in self._parts]
        if self.fields:
            with _explained(f"{self.path}: image 0", self._parts[0]):
                known = set(self._shards[self._parts[0].path].names)
            missing = sorted(self.fields - known - {"spots"})
            if missing:
                raise FileError(f"{self.path}: has no truth named {missing[0]}; choose from {', '.join(sorted(known))}")

    def __len__(self) -> int:
        return self._parts[-1].first + self._parts[-1].images

    @overload
    def __getitem__(self, index: int) -> tuple[np.ndarray, Truth]: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[np.ndarray, Truth]: ...
    def __getitem__(self, index: int | slice) -> tuple[np.ndarray, Truth]:
        if isinstance(index, slice):
            return self._several(range(len(self))[index])
        index = operator.index(index)
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        index %= len(self)
        part = self._part(index)
        pixels, truth = self._read(part, index - part.first, index - part.first + 1)
        return pixels[0], _of_one(truth)

    def _part(self, index: int) -> Part:
        return self._parts[int(np.searchsorted(self._firsts, index, "right")) - 1]

    def _several(self, numbers: range) -> tuple[np.ndarray, Truth]:
        """Images stacked: those that follow one another in a shard are read at once."""
        if not numbers:
            raise IndexError(f"{self.path}: a slice without images; the dataset has {len(self)}")
        found = []
        at = 0
        while at < len(numbers):
            part = self._part(numbers[at])
            first, end = numbers[at] - part.first, at + 1
            while numbers.step == 1 and end < len(numbers) and numbers[end] < part.first + part.images:
                end += 1
            found.append(self._read(part, first, first + end - at))
            at = end
        truth = {name: np.concatenate([truth[name] for _, truth in found]) for name in found[0][1]}
        return np.concatenate([pixels for pixels, _ in found]), truth

    def _read(self, part: Part, first: int, end: int) -> tuple[np.ndarray, Truth]:
        """Some rows of a shard, with a first axis of images."""
        with _explained(f"{self.path}: image {part.first + first}", part):
            shard = self._shards[part.path]
            pixels = shard.pixels[first:end]
            truth = shard.truth(first, end, None if self.verify else self.fields)
            if self.verify:
                self._check(part, first, end, pixels, truth)
        wanted = self.fields
        if self.verify and wanted is not None:
            truth = {name: values for name, values in truth.items() if is_wanted(name, wanted)}
        return pixels, truth

    def _check(self, part: Part, first: int, end: int, pixels: np.ndarray, truth: Truth) -> None:
        shard = self._shards[part.path]
        for row in range(first, end):
            place = f"{self.path}: image {part.first + row} is damaged:"
            if digest(pixels[row - first]) != truth["sha256"][row - first].tobytes():
                raise FileError(f"{place} its pixels do not have the checksum of the truth")
            own = shard.truth(row, row + 1, None)
            wanted = own.pop("labels_sha256", None)
            if wanted is not None and digest_of_labels(_of_one(own)) != wanted.tobytes():
                raise FileError(f"{place} its truth does not have the checksum that was written with it")

    def __iter__(self) -> Iterator[tuple[np.ndarray, Truth]]:
        return (self[index] for index in range(len(self)))

    def column(self, name: str) -> np.ndarray:
        """A field of the truth of all images, shape (images, ...).

        Raises:
            FileError: a shard cannot be read, or has no such field.
        """
        found = []
        for part in self._parts:
            try:
                found.append(self._shards[part.path].rows[name][()])
            except (OSError, KeyError) as error:
                raise FileError(f"{part.path}: {name} cannot be read ({error}); the shard is damaged") from None
        return np.concatenate(found)

    def close(self) -> None:
        """Close the files."""
        self._shards.close()

    def __enter__(self) -> Images:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __getstate__(self) -> tuple[Path, bool, frozenset[str] | None]:
        return self.path, self.verify, self.fields

    def __setstate__(self, state: tuple[Path, bool, frozenset[str] | None]) -> None:
        self.path, self.verify, self.fields = state
        self._open()


def _of_one(truth: Truth) -> Truth:
    """The truth of a single image, without the axis of images."""
    return {name: values if name.startswith("spots.") else np.asarray(values[0]) for name, values in truth.items()}


@contextmanager
def _explained(place: str, part: Part) -> Iterator[None]:
    try:
        yield
    except (OSError, KeyError) as error:
        raise FileError(f"{place} cannot be read ({error}); {part.path.name} is damaged") from None
