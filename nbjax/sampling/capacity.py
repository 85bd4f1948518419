"""How many reflections and spots a closed-form image may have, and how large they may be: shapes of its arrays."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

BLOCK = 3
"""Reflections along the edge of a block."""
CUT = 5.3
"""Standard deviations up to which a spot is followed."""
MOST_NODES = 64
"""Points along the edge of a pixel."""
_FARTHER = 1.25
"""Times as far into reciprocal space that doubled room goes: nearly twice its volume."""


@dataclass(frozen=True)
class SpotSize:
    """Spots of about one size.

    Attributes:
        half_length, half_width: pixels on either side of the middle, along the longer way of the spot and across it.
        nodes: points in each direction at which a pixel is integrated; narrower spots need more.
        count: how many spots there may be, of all sources, sensor layers and windows of the rotation together.
    """

    half_length: int
    half_width: int
    nodes: int
    count: int

    @property
    def pixels(self) -> int:
        """Of a box."""
        return (2 * self.half_length + 1) * (2 * self.half_width + 1)

    @property
    def narrowest(self) -> float:
        """Standard deviation in pixels of the narrowest spot that the nodes integrate."""
        return 0.0 if self.nodes >= MOST_NODES else 1 / (self.nodes - 0.9)

    def holds(self, length: Any, width: Any, sigma: Any) -> Any:
        """Whether spots of these half lengths, half widths and narrowest standard deviations fit; arrays."""
        return (length <= self.half_length) & (width <= self.half_width) & (sigma >= self.narrowest)


@dataclass(frozen=True)
class Capacity:
    """Shapes of the arrays of a closed-form image.

    Attributes:
        lowest: Miller indices of the first reflection of the box that is searched.
        sizes: reflections along h, k, l.
        longest_per_m: longest scattering vector that a pixel sees.
        blocks: cubes of reflections that may come near the Ewald sphere, of ``BLOCK`` along each edge.
        near: reflections that may come near the Ewald sphere during the exposure.
        excited: of these, how many may reflect for one source and window, counted once for each side of the sphere's
            nearest approach.
        seen: spots of these on the panels.
        windows: equal parts of the rotation, in each of which a reflection moves little.
        spots: their sizes, the smallest first.
        cut: standard deviations up to which a spot is followed.
    """

    lowest: tuple[int, int, int]
    sizes: tuple[int, int, int]
    longest_per_m: float
    blocks: int
    near: int
    excited: int
    seen: int
    windows: int
    spots: tuple[SpotSize, ...]
    cut: float = CUT

    def doubled(self) -> Capacity:
        """Room for twice as many spots of each size, for some twice as large, and for indices farther out."""
        *others, last = self.spots
        longer, wider, nodes = 2 * last.half_length, 2 * last.half_width, min(2 * last.nodes, MOST_NODES)
        sizes = [replace(size, count=2 * size.count) for size in (*others, SpotSize(longer, wider, nodes, last.count))]
        along_h, along_k, along_l = map(_farther, self.lowest, self.sizes)
        return replace(
            self,
            lowest=(along_h[0], along_k[0], along_l[0]),
            sizes=(along_h[1], along_k[1], along_l[1]),
            longest_per_m=_FARTHER * self.longest_per_m,
            blocks=2 * self.blocks,
            near=2 * self.near,
            excited=2 * self.excited,
            seen=2 * self.seen,
            spots=tuple(sizes),
        )


def _farther(low: int, size: int) -> tuple[int, int]:
    """The first index and the number of a longer row of indices."""
    first, last = min(low, math.floor(_FARTHER * low)), low + size - 1
    return first, max(last, math.ceil(_FARTHER * last)) - first + 1
