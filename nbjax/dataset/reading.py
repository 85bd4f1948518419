"""Datasets as an iterator of images and their truth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import h5py
import numpy as np

from nbjax.dataset.opened import OpenShards, parts_of
from nbjax.dataset.shard import digest
from nbjax.errors import FileError

Truth = dict[str, np.ndarray]


class Images:
    """Images of a master or a shard, in order; nothing is read before it is asked for.

    ``images[i]`` is (pixels, truth): pixels of shape (slow, fast), and a dictionary of arrays with the names that the
    file uses below ``/entry/truth``. A table of spots is cut to the image's own rows and named ``spots.intensity`` and
    so on. The object can be iterated over, is a context manager, and can be pickled for the workers of a data loader.
    However many shards there are, few are open at a time.

    Args:
        path: of a master or a shard.
        verify: compare every image with the checksum in its truth.

    Attributes:
        path: the same.
        config: TOML text of the recipe and the run.

    Raises:
        FileError: the file is no dataset, or one of its shards is missing or damaged.
    """

    def __init__(self, path: str | Path, verify: bool = False):
        self.path, self.verify = Path(path), verify
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

    def __len__(self) -> int:
        return self._parts[-1].first + self._parts[-1].images

    def __getitem__(self, index: int) -> tuple[np.ndarray, Truth]:
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        index %= len(self)
        part = self._parts[int(np.searchsorted(self._firsts, index, "right")) - 1]
        row = index - part.first
        try:
            shard = self._shards[part.path]
            pixels = shard.pixels[row]
            truth = {name: np.asarray(values[row]) for name, values in shard.rows.items()}
            if shard.spots:
                own = slice(int(shard.ends[row - 1]) if row else 0, int(shard.ends[row]))
                truth |= {f"spots.{name}": column[own] for name, column in shard.spots.items()}
        except (OSError, KeyError) as error:
            raise FileError(
                f"{self.path}: image {index} cannot be read ({error}); {part.path.name} is damaged"
            ) from None
        if self.verify and digest(pixels) != truth["sha256"].tobytes():
            raise FileError(f"{self.path}: image {index} is damaged: its pixels do not have the checksum of the truth")
        return pixels, truth

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

    def __getstate__(self) -> tuple[Path, bool]:
        return self.path, self.verify

    def __setstate__(self, state: tuple[Path, bool]) -> None:
        self.path, self.verify = state
        self._open()
