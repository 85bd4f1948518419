"""The sample tables of two traces: which rows belong together, and how far they differ."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nbjax.tracing.document import PixelTrace
from nbjax.tracing.keys import INDICES, SAMPLE, sample_order
from nbjax.tracing.tolerances import Tolerances

SAMPLES = "samples"
"""Name of the factor that compares the numbers of samples."""


@dataclass(frozen=True, eq=False)
class SampleTable:
    """The samples that both traces have, in the columns that both have; arrays of shape (rows, columns).

    Attributes:
        columns: names in the order of computation.
        rows: the row of each in the reference's table, shape (rows,).
        reference, candidate: the values.
        scale: what relative differences are relative to: the reference, or the length of the vector of a component.
        allowed: the largest difference that counts as equal.
        contributing: for each trace, the number of these samples and of those beyond them that add to the sum.
        unmatched: for each trace, how many of its rows the other one lacks.
    """

    columns: tuple[str, ...]
    rows: np.ndarray
    reference: np.ndarray
    candidate: np.ndarray
    scale: np.ndarray
    allowed: np.ndarray
    contributing: tuple[int, int]
    unmatched: tuple[int, int]

    @cached_property
    def absolute(self) -> np.ndarray:
        """Absolute differences."""
        with np.errstate(over="ignore"):
            return np.abs(self.candidate - self.reference)

    @cached_property
    def divergent(self) -> np.ndarray:
        """Where the difference is more than allowed."""
        return self.absolute > self.allowed


def compare_samples(reference: PixelTrace, candidate: PixelTrace, tolerances: Tolerances) -> SampleTable:
    """Compare the sample tables of a pixel.

    Rows belong together by position. Where the tables differ in length they do by their indices, so that a program
    may leave out samples that scatter nothing.
    """
    assert reference.samples is not None
    assert candidate.samples is not None
    ours, theirs = _matched(reference, candidate)
    columns = tuple(sorted((name for name in reference.samples if name in candidate.samples), key=sample_order))
    left, right = (
        np.array([pixel.samples[name][rows] for name in columns], np.float64).reshape(len(columns), len(rows)).T
        for pixel, rows in ((reference, ours), (candidate, theirs))
        if pixel.samples is not None
    )
    scale, allowed = _scales(columns, left), np.zeros_like(left)
    for i, name in enumerate(columns):
        tolerance = tolerances.of(name, SAMPLE.get(name))
        largest = np.abs(left[:, i]).max(initial=0.0)
        allowed[:, i] = np.maximum(tolerance.relative * scale[:, i], tolerance.absolute)
        allowed[:, i] = np.maximum(allowed[:, i], tolerance.of_largest * largest)
    extra = _extra(reference, ours, candidate), _extra(candidate, theirs, reference)
    return SampleTable(
        columns,
        ours,
        left,
        right,
        scale,
        allowed,
        (len(ours) + extra[0], len(theirs) + extra[1]),
        (reference.sample_count - len(ours), candidate.sample_count - len(theirs)),
    )


def _matched(reference: PixelTrace, candidate: PixelTrace) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers, in both tables, of the samples that both have."""
    common = np.arange(min(reference.sample_count, candidate.sample_count))
    if reference.sample_count == candidate.sample_count:
        return common, common
    names = [_names(pixel) for pixel in (reference, candidate)]
    places = [{name: row for row, name in enumerate(table)} for table in names]
    if any(len(place) < len(table) or not table for place, table in zip(places, names, strict=True)):
        return common, common
    shared = [name for name in places[0] if name in places[1]]
    theirs = np.array([places[1][name] for name in shared], np.int64)
    if not shared or (np.diff(theirs) < 0).any():
        return common, common
    return np.array([places[0][name] for name in shared], np.int64), theirs


def _names(pixel: PixelTrace) -> list[tuple[int, ...]]:
    """Indices of each sample; none if the table lacks one."""
    samples = pixel.samples or {}
    if not all(name in samples for name in INDICES):
        return []
    return list(zip(*(samples[name].tolist() for name in INDICES), strict=True))


def _scales(columns: tuple[str, ...], values: np.ndarray) -> np.ndarray:
    """What differences are relative to: each value, or for components of a vector its length."""
    scale = np.abs(values)
    vectors: dict[str, list[int]] = {}
    for i, name in enumerate(columns):
        if name in SAMPLE and (vector := SAMPLE[name].vector) is not None:
            vectors.setdefault(vector, []).append(i)
    for places in vectors.values():
        parts = scale[:, places]
        largest = parts.max(axis=1, initial=0.0)
        safe = np.where(largest > 0, largest, 1.0)  # squares of very large and very small numbers leave the range
        with np.errstate(over="ignore"):
            length = safe * np.sqrt(((parts / safe[:, None]) ** 2).sum(axis=1))
        scale[:, places] = np.minimum(length, np.finfo(float).max)[:, None]
    return scale


def _extra(pixel: PixelTrace, matched: np.ndarray, other: PixelTrace) -> int:
    """How many samples that add to the sum the other trace lacks, without saying that it left them out."""
    rows = np.setdiff1d(np.arange(pixel.sample_count), matched)
    if other.omitted_samples:
        rows = rows[rows < matched.max(initial=-1)]
    return int(_contributes(pixel)[rows].sum())


def _contributes(pixel: PixelTrace) -> np.ndarray:
    """Whether each sample adds to the sum, as far as its row says."""
    samples = pixel.samples or {}
    adds = np.ones(pixel.sample_count, bool)
    for name in ("F_latt", "F_cell", "weight"):
        if name in samples:
            adds &= samples[name] != 0
    if "I_running" in samples:
        start = float(np.asarray(pixel.values.get("I_background", 0.0)))
        adds &= np.diff(samples["I_running"], prepend=start) != 0
    return adds
