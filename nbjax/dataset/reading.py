"""Datasets as an iterator of images and their truth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import h5py
import hdf5plugin  # noqa: F401  registers the compression of the pixels
import numpy as np

from nbjax.dataset.shard import digest
from nbjax.errors import FileError
from nbjax.io.images.links import check_sources
from nbjax.io.images.recorded import Request

Truth = dict[str, np.ndarray]


class Images:
    """Images of a master or a shard, in order; nothing is read before it is asked for.

    ``images[i]`` is (pixels, truth): pixels of shape (slow, fast), and a dictionary of arrays with the names that the
    file uses below ``/entry/truth``. A table of spots is cut to the image's own rows and named ``spots.intensity`` and
    so on. The object can be iterated over, is a context manager, and can be pickled for the workers of a data loader.

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
        try:
            self._file = h5py.File(self.path, "r")
            self._pixels = self._file["entry/data/data"]
            check_sources(Request(self.path, str(self.path)), self._pixels)
            truth = self._file["entry/truth"]
            self.config = truth["config"][()].decode()
            self._rows = {
                name: node for name, node in truth.items() if isinstance(node, h5py.Dataset) and node.shape != ()
            }
            self._spots = dict(truth["spots"].items()) if "spots" in truth else {}
            numbers = self._rows["image"][()]
        except (OSError, KeyError) as error:
            raise FileError(
                f"{self.path}: is no dataset that can be read ({error}); give a master or a shard"
            ) from None
        # a row of a missing shard reads as zeros
        if (np.diff(numbers) != 1).any():
            raise FileError(f"{self.path}: a shard is missing beside it; complete the dataset with --resume")
        self._ends = np.zeros(0, int)
        if self._spots:
            self._ends = np.searchsorted(self._spots["image"][()], numbers, "right")

    def __len__(self) -> int:
        return int(self._pixels.shape[0])

    def __getitem__(self, index: int) -> tuple[np.ndarray, Truth]:
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        index %= len(self)
        try:
            pixels = self._pixels[index]
            truth = {name: np.asarray(rows[index]) for name, rows in self._rows.items()}
            if self._spots:
                first = int(self._ends[index - 1]) if index else 0
                rows = slice(first, int(self._ends[index]))
                truth |= {f"spots.{name}": column[rows] for name, column in self._spots.items()}
        except OSError as error:
            raise FileError(f"{self.path}: image {index} cannot be read ({error}); its shard is damaged") from None
        if self.verify and digest(pixels) != truth["sha256"].tobytes():
            raise FileError(f"{self.path}: image {index} is damaged: its pixels do not have the checksum of the truth")
        return pixels, truth

    def __iter__(self) -> Iterator[tuple[np.ndarray, Truth]]:
        return (self[index] for index in range(len(self)))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

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
