"""Where the pixels of several panels are in the array of one image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Shaped

if TYPE_CHECKING:
    from nbjax.io.experiments.recorded import RecordedPanel

Index = tuple[int | slice, ...]


@dataclass(frozen=True)
class Arrangement:
    """Panels, and the arrays that may hold them.

    One image is an array (panel, slow, fast) as large as the largest panel, the array in which the geometry places the
    panels, or one with all panels below each other.

    Attributes:
        sizes: (slow, fast) pixels of each panel.
        places: index of each in the array of the geometry; none where it tells no place, or two panels share one.
    """

    sizes: tuple[tuple[int, int], ...]
    places: tuple[Index, ...] = ()

    @property
    def shape(self) -> tuple[int, int, int]:
        """(panel, slow, fast), as large as the largest panel."""
        slow, fast = np.max(self.sizes, axis=0)
        return len(self.sizes), int(slow), int(fast)

    @property
    def below(self) -> tuple[int, int]:
        """(slow, fast) of the panels below each other, each as large as the largest."""
        panels, slow, fast = self.shape
        return panels * slow, fast

    def image_axes(self, shape: tuple[int, ...]) -> int | None:
        """How many of the last axes of an array are those of an image, or None where it holds none."""
        for count in (3, len(self.places[0]) if self.places else 2, 2):
            if len(shape) >= count and self.inside(shape[len(shape) - count :]) is not None:
                return count
        return None

    def inside(self, shape: tuple[int, ...]) -> tuple[Index, ...] | None:
        """Index of each panel in the array of one image, or None where it has no room for them."""
        if self.places and shape == self._extents():
            return self.places
        if shape == self.shape:
            return tuple((number, *_corner(size)) for number, size in enumerate(self.sizes))
        _, slow, fast = self.shape
        if shape == self.below:
            return self._rows([slow] * len(self.sizes))
        if shape == (sum(size[0] for size in self.sizes), fast):
            return self._rows([size[0] for size in self.sizes])
        if self.places and _holds(shape, self._extents()):
            return self.places
        return None

    def gather(self, stored: Shaped[np.ndarray, "..."]) -> Shaped[np.ndarray, "panel slow fast"]:
        """The pixels of an image by panels; 0 where a smaller panel has none."""
        found = np.zeros(self.shape, stored.dtype)
        for number, (index, size) in enumerate(zip(self.inside(stored.shape) or (), self.sizes, strict=True)):
            found[(number, *_corner(size))] = stored[index]
        return found

    @property
    def padding(self) -> Bool[np.ndarray, "panel slow fast"]:
        """Where a smaller panel has no pixels."""
        found = np.ones(self.shape, bool)
        for number, size in enumerate(self.sizes):
            found[(number, *_corner(size))] = False
        return found

    def _rows(self, heights: Sequence[int]) -> tuple[Index, ...]:
        firsts = np.cumsum([0, *heights[:-1]])
        return tuple(
            (slice(int(first), int(first) + slow), slice(0, fast))
            for first, (slow, fast) in zip(firsts, self.sizes, strict=True)
        )

    def _extents(self) -> tuple[int, ...]:
        """The least array in which the places are."""
        ends = [[each.stop if isinstance(each, slice) else each + 1 for each in place] for place in self.places]
        return tuple(int(end) for end in np.max(ends, axis=0))


def arrangement(panels: Sequence[RecordedPanel]) -> Arrangement:
    """The arrangement of a geometry's panels."""
    sizes = tuple((panel.pixels[1], panel.pixels[0]) for panel in panels)
    told = [panel.place.of_image(panel.pixels) for panel in panels if panel.place is not None]
    usable = len(told) == len(panels) and len(set(map(len, told))) == 1 and not _overlap(told)
    return Arrangement(sizes, tuple(told) if usable else ())


def _corner(size: tuple[int, int]) -> tuple[slice, slice]:
    return slice(0, size[0]), slice(0, size[1])


def _holds(shape: tuple[int, ...], least: tuple[int, ...]) -> bool:
    return len(shape) == len(least) and all(has >= wanted for has, wanted in zip(shape, least, strict=True))


def _overlap(places: Sequence[Index]) -> bool:
    """Whether two places share a pixel."""
    spans = np.array([[(i.start, i.stop) if isinstance(i, slice) else (i, i + 1) for i in place] for place in places])
    starts, stops = spans[..., 0], spans[..., 1]
    both = (starts[:, None] < stops[None]) & (starts[None] < stops[:, None])
    return bool(np.triu(both.all(axis=-1), k=1).any())
