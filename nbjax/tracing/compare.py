"""Two traces side by side, in the order of computation: what differs first is where the programs part.

Pixels are compared one after the other. Within a pixel come its geometry factors and background, then the samples
row by row, then the sums and what scales them.
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from nbjax.tracing.document import PixelTrace, TraceDocument, TraceError, Value
from nbjax.tracing.keys import BEFORE_SAMPLES, INDICES, PIXEL, UNITS, pixel_order
from nbjax.tracing.ratio import Contribution, contributions
from nbjax.tracing.sampling import SAMPLES, SampleTable, compare_samples
from nbjax.tracing.tolerances import Tolerance, Tolerances

Verdict = Literal["equal", "divergent", "only in reference", "only in candidate"]

VERDICTS: tuple[Verdict, ...] = ("equal", "divergent", "only in reference", "only in candidate")


@dataclass(frozen=True, eq=False)
class Factor:
    """One quantity of both traces.

    Attributes:
        slow, fast: the pixel; None where neither trace says.
        key: canonical name.
        unit: unit of the values ("" if the key is not in the table).
        reference, candidate: the values; None where a trace has none.
        absolute: length of their difference; None if it cannot be told.
        scale: length of the reference; for a component, of its vector.
        allowed: the largest ``absolute`` that counts as equal.
        verdict: what came out.
        sample: row of the reference's sample table; None for a pixel's key.
        indices: which sample that is, by the name of the index.
    """

    slow: int | None
    fast: int | None
    key: str
    unit: str
    reference: Value | None
    candidate: Value | None
    absolute: float | None
    scale: float
    allowed: float
    verdict: Verdict
    sample: int | None = None
    indices: tuple[tuple[str, int], ...] = ()

    @property
    def relative(self) -> float | None:
        """``absolute`` relative to ``scale``; None if that is 0 and the values differ."""
        return None if self.absolute is None else _ratio(self.absolute, self.scale)

    @property
    def tolerance(self) -> float | None:
        """``allowed`` relative to ``scale``; None if that is 0 and something is allowed."""
        return _ratio(self.allowed, self.scale)

    @property
    def percent(self) -> float | None:
        """Difference in percent of the reference, signed for a number; None if that is 0 or it cannot be told."""
        if self.reference is None or self.candidate is None or self.absolute is None:
            return None
        length = _length(self.reference)
        if not length:
            return None
        if isinstance(self.reference, np.ndarray) or isinstance(self.candidate, np.ndarray):
            return 100 * (self.absolute / length)
        return 100 * (self.candidate / length - self.reference / length)


@dataclass(frozen=True, eq=False)
class PixelComparison:
    """One pixel of both traces.

    Attributes:
        reference, candidate: its traces.
        before: factors that come before the samples.
        samples: the samples of both; None if a trace has none.
        after: factors that come after the samples.
        contributions: where the ratio of the pixel's values comes from.
    """

    reference: PixelTrace
    candidate: PixelTrace
    before: tuple[Factor, ...]
    samples: SampleTable | None
    after: tuple[Factor, ...]
    contributions: tuple[Contribution, ...]

    @property
    def slow(self) -> int | None:
        """Slow index, from whichever trace says it."""
        return self.candidate.slow if self.reference.slow is None else self.reference.slow

    @property
    def fast(self) -> int | None:
        """Fast index, from whichever trace says it."""
        return self.candidate.fast if self.reference.fast is None else self.reference.fast

    def factors(self, equal_samples: bool = True) -> Iterator[Factor]:
        """Every factor in the order of computation, with or without the samples' equal ones."""
        yield from self.before
        if self.samples is not None:
            wanted = np.ones_like(self.samples.divergent) if equal_samples else self.samples.divergent
            for row, column in np.argwhere(wanted).tolist():
                yield self.sample_factor(row, column)
        yield from self.after

    def sample_factor(self, row: int, column: int) -> Factor:
        """One entry of the sample table."""
        table = self.samples
        assert table is not None
        name = table.columns[column]
        return Factor(
            self.slow,
            self.fast,
            name,
            UNITS.get(name, ""),
            float(table.reference[row, column]),
            float(table.candidate[row, column]),
            float(table.absolute[row, column]),
            float(table.scale[row, column]),
            float(table.allowed[row, column]),
            "divergent" if table.divergent[row, column] else "equal",
            int(table.rows[row]),
            tuple((index, int(table.reference[row, i])) for i, index in enumerate(table.columns) if index in INDICES),
        )

    def first_divergence(self) -> Factor | None:
        """The first factor that differs in this pixel."""
        if found := _first(self.before):
            return found
        if self.samples is not None and (entries := np.argwhere(self.samples.divergent)).size:
            return self.sample_factor(int(entries[0, 0]), int(entries[0, 1]))
        return _first(self.after)

    def counts(self) -> Counter[str]:
        """How many factors have each verdict."""
        found = Counter(str(factor.verdict) for factor in (*self.before, *self.after))
        if self.samples is not None:
            divergent = int(self.samples.divergent.sum())
            found.update({"divergent": divergent, "equal": self.samples.divergent.size - divergent})
        return found


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two traces side by side.

    Attributes:
        reference, candidate: the traces.
        tolerances: what counted as equal.
        pixels: one entry for each pixel, in the order of the reference.
    """

    reference: TraceDocument
    candidate: TraceDocument
    tolerances: Tolerances
    pixels: tuple[PixelComparison, ...]

    def factors(self, equal_samples: bool = True) -> Iterator[Factor]:
        """Every factor in the order of computation, with or without the samples' equal ones."""
        for pixel in self.pixels:
            yield from pixel.factors(equal_samples)

    @cached_property
    def first_divergence(self) -> Factor | None:
        """The first factor that differs; None if the traces are equal."""
        return next((found for pixel in self.pixels if (found := pixel.first_divergence())), None)

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many factors have each verdict."""
        total: Counter[str] = Counter()
        for pixel in self.pixels:
            total.update(pixel.counts())
        return {verdict: total[verdict] for verdict in VERDICTS}

    @property
    def compared(self) -> int:
        """How many factors both traces have."""
        return self.counts["equal"] + self.counts["divergent"]


def compare(reference: TraceDocument, candidate: TraceDocument, tolerances: Tolerances | None = None) -> Comparison:
    """Compare two traces of the same pixels.

    Args:
        reference: the trace that counts as right.
        candidate: the trace that is looked at.
        tolerances: what counts as equal; that of the table of keys by default.

    Raises:
        TraceError: the traces are of different pixels or have no key in common, or a tolerance is for no key.
    """
    tolerances = tolerances or Tolerances()
    pairs = _pairs(reference, candidate)
    tolerances.check_names(name for pair in pairs for pixel in pair for name in (*pixel.values, *(pixel.samples or {})))
    comparison = Comparison(
        reference, candidate, tolerances, tuple(_compare_pixel(*pair, tolerances) for pair in pairs)
    )
    if not comparison.compared:
        raise TraceError(
            f"the traces have no key in common ({_some_keys(reference)} against {_some_keys(candidate)}); "
            "trace the same quantities with both programs"
        )
    return comparison


def _pairs(reference: TraceDocument, candidate: TraceDocument) -> list[tuple[PixelTrace, PixelTrace]]:
    ours, theirs = reference.pixels, candidate.pixels
    if len(ours) == len(theirs) == 1 and None in (ours[0].slow, theirs[0].slow):
        return [(ours[0], theirs[0])]
    found = {pixel.place: pixel for pixel in theirs}
    places = [pixel.place for pixel in ours]
    if set(places) != set(found):
        raise TraceError(
            f"the traces are of different pixels ({_places(places)} against {_places(list(found))}); "
            "trace the same pixels with both programs"
        )
    return [(pixel, found[pixel.place]) for pixel in ours]


def _places(places: Sequence[tuple[int | None, ...]]) -> str:
    known = [[str(index) for index in place if index is not None] for place in places]
    shown = [f"({', '.join(words)})" if words else "unknown" for words in known]
    return ", ".join(shown[:3]) + (", ..." if len(shown) > 3 else "")


def _some_keys(document: TraceDocument) -> str:
    names = [*document.pixels[0].values, *(document.pixels[0].samples or {})]
    return (", ".join(names[:3]) + (", ..." if len(names) > 3 else "")) or "no key at all"


def _compare_pixel(reference: PixelTrace, candidate: PixelTrace, tolerances: Tolerances) -> PixelComparison:
    known = candidate if reference.slow is None else reference
    place = known.slow, known.fast
    names = sorted({**reference.values, **candidate.values}, key=pixel_order)
    factors = [_compare_values(place, name, reference, candidate, tolerances) for name in names]
    early = {key.name for key in BEFORE_SAMPLES}
    before = [factor for factor in factors if factor.key in early]
    after = [factor for factor in factors if factor.key not in early]
    table = None
    if reference.samples is not None and candidate.samples is not None:
        table = compare_samples(reference, candidate, tolerances)
        ours, theirs = table.contributing
        before.append(_factor(place, SAMPLES, float(ours), float(theirs), Tolerance(0.0), 0.0))
        for name in (*reference.samples, *candidate.samples):
            if name not in table.columns:
                verdict: Verdict = "only in reference" if name in reference.samples else "only in candidate"
                column = f"{SAMPLES}.{name}"
                before.append(Factor(*place, column, UNITS.get(name, ""), None, None, None, 0.0, 0.0, verdict))
    elif reference.samples is not None or candidate.samples is not None:
        counts = [None if pixel.samples is None else float(pixel.sample_count) for pixel in (reference, candidate)]
        before.append(_factor(place, SAMPLES, counts[0], counts[1], Tolerance(0.0), 0.0))
    return PixelComparison(
        reference, candidate, tuple(before), table, tuple(after), contributions(reference, candidate)
    )


def _compare_values(
    place: tuple[int | None, int | None],
    name: str,
    reference: PixelTrace,
    candidate: PixelTrace,
    tolerances: Tolerances,
) -> Factor:
    key = PIXEL.get(name)
    values = reference.values.get(name), candidate.values.get(name)
    largest = 0.0 if values[0] is None else float(np.abs(values[0]).max())
    for column in key.columns if key is not None else ():
        samples = (reference.samples or {}).get(column)
        if samples is not None and samples.size:
            largest = max(largest, float(np.abs(samples).max()))
    tolerance = tolerances.of(name, key)
    digits = reference.rounding.get(name, 0.0) + candidate.rounding.get(name, 0.0)
    return _factor(place, name, *values, replace(tolerance, absolute=tolerance.absolute + digits), largest)


def _factor(
    place: tuple[int | None, int | None],
    name: str,
    reference: Value | None,
    candidate: Value | None,
    tolerance: Tolerance,
    largest: float,
) -> Factor:
    unit = UNITS.get(name, "")
    if reference is None or candidate is None:
        verdict: Verdict = "only in candidate" if reference is None else "only in reference"
        return Factor(*place, name, unit, reference, candidate, None, 0.0, 0.0, verdict)
    scale = _length(reference)
    allowed = max(tolerance.relative * scale, tolerance.absolute, tolerance.of_largest * largest)
    if np.shape(reference) != np.shape(candidate):
        return Factor(*place, name, unit, reference, candidate, None, scale, allowed, "divergent")
    with np.errstate(over="ignore"):
        absolute = _length(np.asarray(candidate) - np.asarray(reference))
    verdict = "equal" if absolute <= allowed else "divergent"
    return Factor(*place, name, unit, reference, candidate, absolute, scale, allowed, verdict)


def _length(value: Value) -> float:
    return min(math.hypot(*np.atleast_1d(value).tolist()), sys.float_info.max)


def _ratio(above: float, below: float) -> float | None:
    return above / below if below else (None if above else 0.0)


def _first(factors: tuple[Factor, ...]) -> Factor | None:
    return next((factor for factor in factors if factor.verdict == "divergent"), None)
