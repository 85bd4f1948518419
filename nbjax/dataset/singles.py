"""The files of single images beside the shards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nbjax.dataset.opened import OpenShard
from nbjax.dataset.run import Share
from nbjax.dataset.shard import Frame
from nbjax.dataset.single import Place, Single
from nbjax.dataset.single_formats import SINGLE_FORMATS


@dataclass(frozen=True)
class Singles:
    """Which files, and what is in them.

    Attributes:
        share: the files of the dataset.
        kinds: names of formats.
        single: (number, pixels, place in the shards) -> what a file is written from.
    """

    share: Share
    kinds: tuple[str, ...]
    single: Callable[[int, np.ndarray, Place], Single]

    def beside(self, shard: int, frames: Iterator[Frame]) -> Iterator[Frame]:
        """The frames of a shard, each written to files of its own on its way."""
        for frame in frames:
            self._write(shard, frame.number, frame.pixels, self.kinds)
            yield frame

    def restore(self, shards: list[int]) -> None:
        """Write what is missing beside shards that are complete, from their pixels.

        Raises:
            FileError: a file cannot be written.
        """
        there = {path.name for path in self.share.folder.iterdir()} if self.kinds else set()
        for shard in shards if self.kinds else ():
            numbers = self.share.numbers(shard)
            lost = {
                number: [kind for kind in self.kinds if self._path(number, kind).name not in there]
                for number in numbers
            }
            if any(lost.values()):
                opened = OpenShard(self.share.path(shard))
                for number, kinds in lost.items():
                    if kinds:
                        self._write(shard, number, opened.pixels[number - numbers[0]], kinds)
                opened.close()

    def _path(self, number: int, kind: str) -> Path:
        return self.share.folder / f"{self.share.name}_{number + 1:07d}{SINGLE_FORMATS[kind].suffix}"

    def _write(self, shard: int, number: int, pixels: np.ndarray, kinds: tuple[str, ...] | list[str]) -> None:
        if kinds:
            numbers = self.share.numbers(shard)
            place = Place(self.share.path(shard).name, number - numbers[0], len(numbers))
            image = self.single(number, pixels, place)
            for kind in kinds:
                SINGLE_FORMATS[kind].write(self._path(number, kind), image)
