"""Trace documents that several tests share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from cases import GOLDEN
from hypothesis import strategies as st

from nbjax.tracing.document import PixelTrace, TraceDocument
from nbjax.tracing.keys import INDICES, PIXEL, SAMPLE, Key

GOLDEN_TRACES = sorted(GOLDEN.glob("*/trace_*.txt"))

FACTORS = [name for name in PIXEL if name != "panel"]
"""Every key but the one that names a pixel of several panels."""

_FINITE = st.floats(allow_nan=False, allow_infinity=False)
_WHOLE = st.integers(-(2**53), 2**53)


def pixel_trace(slow: int | None = 3, fast: int | None = 7, samples: int | None = 4, **values: Any) -> PixelTrace:
    """A pixel of an only panel with every factor, of made-up but different values, and some samples."""
    made = {name: _made(number, key) for number, (name, key) in enumerate(PIXEL.items()) if name in FACTORS}
    table = None
    if samples is not None:
        table = {name: _made_column(number, name, samples) for number, name in enumerate(SAMPLE)}
    return PixelTrace(slow, fast, {**made, **values}, table)


def document(*pixels: PixelTrace, program: str = "nbjax") -> TraceDocument:
    """A document of nbjax, of one made-up pixel by default."""
    return TraceDocument(program, "0.1.0", "double", ("running_product",), pixels or (pixel_trace(),))


def foreign(samples: dict[str, Any] | None = None, **values: Any) -> TraceDocument:
    """A document of another program with only these values, of an unknown pixel."""
    return TraceDocument("C", None, None, None, (PixelTrace(None, None, values, samples),))


def assert_same(left: TraceDocument, right: TraceDocument) -> None:
    """Every bit of two documents is the same, and the order of their keys."""
    for name in ("program", "version", "precision", "parity"):
        assert getattr(left, name) == getattr(right, name)
    for ours, theirs in zip(left.pixels, right.pixels, strict=True):
        assert (ours.slow, ours.fast, ours.omitted_samples) == (theirs.slow, theirs.fast, theirs.omitted_samples)
        assert _bits(ours.values) == _bits(theirs.values)
        assert (ours.samples is None) == (theirs.samples is None)
        assert _bits(ours.samples or {}) == _bits(theirs.samples or {})


def made(arguments: dict[str, Any]) -> TraceDocument:
    """The document of ``document_arguments``; made outside the strategy, where type checks may roll dice."""
    return TraceDocument(**{**arguments, "pixels": tuple(PixelTrace(**pixel) for pixel in arguments["pixels"])})


@st.composite
def document_arguments(draw: st.DrawFn) -> dict[str, Any]:
    """What documents of nbjax with any finite numbers are made of."""
    places = draw(
        st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1, max_size=2, unique=True)
    )
    return {
        "program": "nbjax",
        "version": draw(st.sampled_from([None, "0.1.0"])),
        "precision": draw(st.sampled_from([None, "mixed"])),
        "parity": draw(st.none() | st.lists(st.sampled_from(["phi_carryover", "layer_step"]), unique=True).map(tuple)),
        "pixels": [draw(_pixel_arguments(place)) for place in places],
    }


@st.composite
def _pixel_arguments(draw: st.DrawFn, place: tuple[int, int]) -> dict[str, Any]:
    values = {name: draw(_numbers(key)) for name, key in PIXEL.items() if key.required or draw(st.booleans())}
    samples = None
    if draw(st.booleans()):
        rows = draw(st.integers(0, 3))
        others = sorted(set(SAMPLE) - set(INDICES))
        names = [*INDICES, *draw(st.lists(st.sampled_from(others), unique=True, max_size=4))]
        samples = {name: draw(_many(_WHOLE if SAMPLE[name].whole else _FINITE, rows)) for name in names}
    omitted = draw(st.integers(0, 5)) if samples is not None else 0
    return {"slow": place[0], "fast": place[1], "values": values, "samples": samples, "omitted_samples": omitted}


def _numbers(key: Key) -> st.SearchStrategy[Any]:
    number = _WHOLE if key.whole else _FINITE
    if key.size == 1:
        return number
    return _many(number, key.size) if key.size else st.lists(number, min_size=1, max_size=3).map(np.array)


def _many(number: st.SearchStrategy[Any], size: int) -> st.SearchStrategy[Any]:
    return st.lists(number, min_size=size, max_size=size).map(np.array)


def _made(number: int, key: Key) -> Any:
    if key.whole and key.size == 1:
        return 4 if key.name == "steps" else 0
    size = 2 if key.size is None else key.size
    values = np.arange(1.0, size + 1) + 10 * number
    return (values if key.whole else values / 7) if size > 1 else values[0] / 7


def _made_column(number: int, name: str, rows: int) -> np.ndarray:
    if name in INDICES:
        return (
            np.arange(rows) % 2 if name == "mosaic" else np.arange(rows) // 2 if name == "phi" else np.zeros(rows, int)
        )
    values = np.arange(1, rows + 1) + 100 * number
    return values if SAMPLE[name].whole else values / 7


def _bits(table: Any) -> Sequence[tuple[str, bytes]]:
    return [(name, np.asarray(value).tobytes()) for name, value in table.items()]
