"""One image as its file holds it, and what its numbers mean."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Shaped

from nbjax.io.images.arrangement import Arrangement

_LEAST_CEILING, _MOST_EQUAL, _CLOSE = 20.0, 10, 0.9
"""Of a limit, in counts; pixels that symmetry or chance make equal; what is close to it."""


@dataclass(frozen=True)
class Recorded:
    """One image of a file.

    One rule says for every format which pixels have no value: the largest number of an unsigned type (255, 65535,
    4294967295), -1, -2 and the largest of a signed one, what is not finite of a float, what the file's own mask marks,
    and what is below the file's least valid number.

    Attributes:
        stored: numbers as stored, in their own type, shape (slow, fast); of several panels (panel, slow, fast).
        file: name of the file.
        dataset: path inside an HDF5 or .npz file, else None.
        index: number of the image in the file or dataset, from 0.
        unit: "photons" where the file is known to hold them, else "counts".
        pedestal_counts: what was added to every pixel.
        saturation_counts: pixels at or above it are overloaded, or None where the file does not say.
        underload_counts: pixels below it have no value, or None.
        photons_per_count: of a pixel less its pedestal.
        masked: pixels that the file's own mask marks as bad, of the same shape, or None.
        wavelength_A, distance_mm: what the file says of the exposure, or None; the distance as the file means it.
        marks_bad: as a mask, numbers other than 0 mark bad pixels (NXmx, Fit2D) instead of good ones.
        header: words of the header, without those of HDF5.
        pedestal_doubt: why the pedestal may be another, or empty.
    """

    stored: Shaped[np.ndarray, "*panel slow fast"]
    file: str
    dataset: str | None = None
    index: int = 0
    unit: Literal["counts", "photons"] = "counts"
    pedestal_counts: float = 0.0
    saturation_counts: float | None = None
    underload_counts: float | None = None
    photons_per_count: float = 1.0
    masked: Bool[np.ndarray, "*panel slow fast"] | None = None
    wavelength_A: float | None = None
    distance_mm: float | None = None
    marks_bad: bool = False
    header: Mapping[str, str] = field(default_factory=dict)
    pedestal_doubt: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        """(slow, fast) pixels; of several panels (panel, slow, fast)."""
        return self.stored.shape

    @cached_property
    def bad(self) -> Bool[np.ndarray, "*panel slow fast"]:
        """Pixels without a value; overloaded ones are not among them, unless they hold the type's largest number."""
        found = without_value(self.stored)
        if self.masked is not None:
            found = found | self.masked
        if self.underload_counts is not None:
            found = found | (self.stored < self.underload_counts)
        return found

    @property
    def counts(self) -> Float[np.ndarray, "*panel slow fast"]:
        """Numbers as stored, in double precision; NaN where a pixel is bad."""
        return np.where(self.bad, np.nan, self.stored.astype(float))

    @property
    def ceiling_counts(self) -> float | None:
        """The largest number, where so many pixels hold it that it is a limit and not a count, or None.

        Counts thin out towards the largest; where they were cut there are more at the limit than close below.
        """
        counts = self.counts[~self.bad]
        top = counts.max(initial=0.0)
        at_top, close_below = int((counts == top).sum()), int(((counts >= _CLOSE * top) & (counts < top)).sum())
        is_limit = top >= _LEAST_CEILING and top == np.rint(top) and at_top >= _MOST_EQUAL and at_top > close_below
        return float(top) if is_limit else None

    def overloaded(self, saturation_counts: float | None = None) -> Bool[np.ndarray, "*panel slow fast"]:
        """Pixels with a value that is too bright to be believed.

        Args:
            saturation_counts: replaces the file's.
        """
        limit = self.saturation_counts if saturation_counts is None else saturation_counts
        return np.zeros(self.shape, bool) if limit is None else (self.stored >= limit) & ~self.bad

    def photons(
        self,
        pedestal_counts: float | None = None,
        saturation_counts: float | None = None,
        photons_per_count: float | None = None,
    ) -> Float[np.ndarray, "*panel slow fast"]:
        """Photons of each pixel; NaN where it is bad or overloaded.

        Args:
            pedestal_counts, saturation_counts, photons_per_count: each replaces the file's.
        """
        pedestal = self.pedestal_counts if pedestal_counts is None else pedestal_counts
        gain = self.photons_per_count if photons_per_count is None else photons_per_count
        return np.where(self.overloaded(saturation_counts), np.nan, (self.counts - pedestal) * gain)

    def usable(self) -> Bool[np.ndarray, "*panel slow fast"]:
        """The image as a mask: where pixels may be used.

        0 marks a bad pixel and any other number a good one, or the other way round where the format says so
        (``marks_bad``). -1 and -2 of signed numbers, and NaN, are bad in either case.
        """
        if self.marks_bad:
            return np.asarray(self.stored == 0)
        absent = without_value(self.stored) if self.stored.dtype.kind in "if" else np.zeros(self.shape, bool)
        return (self.stored != 0) & ~absent

    def __str__(self) -> str:
        place = f" ({self.dataset})" if self.dataset is not None else ""
        return f"{self.file}, image {self.index}{place}"


def shown(shape: tuple[int, ...]) -> str:
    """A shape in words."""
    return " x ".join(map(str, shape))


def other_size(got: tuple[int, ...], wanted: tuple[int, ...], what: str = "the model") -> str:
    """What is wrong with an image of another size."""
    swapped = "; its axes are exchanged" if got == wanted[::-1] else ""
    axes = "panel x slow x fast" if len(wanted) == 3 else "slow x fast"
    return f"has {shown(got)} pixels ({axes}), {what} has {shown(wanted)}{swapped}"


def without_value(stored: Shaped[np.ndarray, "*panel slow fast"]) -> Bool[np.ndarray, "*panel slow fast"]:
    """Pixels whose number stands for no value in its type."""
    match stored.dtype.kind:
        case "u":
            return np.asarray(stored == np.iinfo(stored.dtype).max)
        case "i":
            return (stored == -1) | (stored == -2) | (stored == np.iinfo(stored.dtype).max)
        case "f":
            return ~np.isfinite(stored)
    return np.zeros(stored.shape, bool)


@dataclass(frozen=True)
class Stack:
    """Images of a file in order; each is read when it is asked for.

    Attributes:
        count: how many there are, at least 1.
        read: an image by its number, from 0.
    """

    count: int
    read: Callable[[int], Recorded]

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Recorded:
        if not 0 <= index < self.count:
            raise IndexError(index)
        return self.read(index)

    def __iter__(self) -> Iterator[Recorded]:
        return (self.read(index) for index in range(self.count))


@dataclass(frozen=True)
class Request:
    """What a reader is asked for.

    Attributes:
        path: file to open.
        name: the file as the user calls it, for what is said about it.
        dataset: inside the file, or None for its default one.
        shape: (slow, fast) where the caller knows it; a bare image does not say its own.
        mask: a mask is wanted, not an image.
        arrangement: of several panels, whose images are wanted.
    """

    path: Path
    name: str
    dataset: str | None = None
    shape: tuple[int, int] | None = None
    mask: bool = False
    arrangement: Arrangement | None = None


Reader = Callable[[Request], Stack]
