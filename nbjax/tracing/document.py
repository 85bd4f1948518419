"""A trace: every factor of a few pixels, whichever program computed it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from nbjax.errors import NbjaxError
from nbjax.tracing.keys import PIXEL, SAMPLE, UNITS, Key, pixel_order, sample_order

SCHEMA = "nbjax-trace"
SCHEMA_VERSION = 1

Value = float | np.ndarray
"""A number, or a list of them."""

WORDS = {"schema", "program", "version", "precision", "parity", "pixel", "columns", "sample", "omitted", "end"}
"""Words that open a line of the text form, so that no key may be called so."""


Converted = TypeVar("Converted")


class TraceError(NbjaxError):
    """A trace that lacks something, or holds what a trace cannot hold."""


@dataclass(frozen=True, eq=False)
class PixelTrace:
    """Every factor of one pixel.

    Attributes:
        slow, fast: the pixel; None where a log does not say.
        values: keys of ``nbjax.tracing.keys.PIXEL``, and of a program's own; floats and float64 arrays of shape (n,).
        samples: columns of equal length in the order of evaluation, int64 for whole numbers and float64 otherwise;
            None if the trace has none.
        omitted_samples: how many samples after those were evaluated and left out.
        rounding: what the digits of a value leave open, by key, for logs that print few.
    """

    slow: int | None
    fast: int | None
    values: Mapping[str, Value]
    samples: Mapping[str, np.ndarray] | None = None
    omitted_samples: int = 0
    rounding: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.slow is None) != (self.fast is None):
            raise TraceError(f"pixel ({self.slow}, {self.fast}): one index is unknown; give both or neither")
        if self.slow is not None and self.fast is not None and min(self.slow, self.fast) < 0:
            raise TraceError(f"pixel ({self.slow}, {self.fast}): has a negative index; pixels count from 0")
        if self.omitted_samples < 0 or (self.omitted_samples and self.samples is None):
            raise TraceError(f"{self}: {self.omitted_samples} omitted samples; give none, or a sample table")
        object.__setattr__(
            self, "values", _ordered(self.values, pixel_order, lambda k, v: _value(f"{self}: {k}", k, v))
        )
        if self.samples is None:
            return
        samples = _ordered(self.samples, sample_order, lambda name, v: _column(f"{self}, samples: {name}", name, v))
        lengths = {len(column) for column in samples.values()}
        if len(lengths) != 1:
            raise TraceError(f"{self}, samples: columns have {sorted(lengths)} rows; give columns of one length")
        object.__setattr__(self, "samples", samples)

    def __str__(self) -> str:
        if self.slow is None:
            return "pixel"
        return f"pixel ({', '.join(map(str, self.indices))})"

    @property
    def panel(self) -> int | None:
        """Number of the panel; None of a detector of one."""
        return int(np.ravel(self.values["panel"])[0]) if "panel" in self.values else None

    @property
    def indices(self) -> tuple[int, ...]:
        """(slow, fast), or (panel, slow, fast), as ``nbjax.trace`` takes them; nothing where a log does not say."""
        return tuple(index for index in self.place if index is not None)

    @property
    def place(self) -> tuple[int | None, int | None, int | None]:
        """Panel, slow and fast, which tell one pixel from another."""
        return self.panel, self.slow, self.fast

    @property
    def sample_count(self) -> int:
        """How many samples the table lists."""
        return 0 if self.samples is None else len(next(iter(self.samples.values())))


@dataclass(frozen=True, eq=False)
class TraceDocument:
    """The traces of some pixels of one run.

    Attributes:
        program: which program computed it ("nbjax", "C", ...).
        version: version of the program; None if unknown.
        precision: its floating-point policy; None if unknown.
        parity: names of the departures from the physics that were on; None if unknown.
        pixels: one trace a pixel, all different.
    """

    program: str
    version: str | None
    precision: str | None
    parity: tuple[str, ...] | None
    pixels: tuple[PixelTrace, ...]

    def __post_init__(self) -> None:
        for name in ("program", "version", "precision"):
            _check_word(name, getattr(self, name), may_lack=name != "program")
        for entry in self.parity or ():
            _check_word("parity", entry)
        if not self.pixels:
            raise TraceError("the trace has no pixel; a trace holds at least one")
        places: set[tuple[int | None, ...]] = set()
        for pixel in self.pixels:
            if pixel.place in places:
                raise TraceError(f"{pixel} is traced twice; list every pixel once")
            places.add(pixel.place)
        if self.program == "nbjax":
            for pixel in self.pixels:
                check_complete(pixel, [key for key in PIXEL.values() if key.required], "a trace of nbjax")
                _check_known(pixel)


def check_complete(pixel: PixelTrace, wanted: Iterable[Key], whose: str) -> None:
    """Make sure that a pixel has every key.

    Raises:
        TraceError: one or more are missing.
    """
    missing = [key.name for key in wanted if key.name not in pixel.values]
    if missing:
        lacks = f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"
        raise TraceError(f"{pixel}: {lacks}; {whose} holds every key, so trace it again")


def check_unit(name: str, unit: str) -> None:
    """Make sure that a file means a key in the unit of the table.

    Raises:
        TraceError: it gives another unit.
    """
    if unit != UNITS.get(name, unit):
        raise TraceError(f"has {name} in {unit!r}; a trace has it in {UNITS[name]!r}, so convert it")


def _check_known(pixel: PixelTrace) -> None:
    for table, known, what in ((pixel.values, PIXEL, "key"), (pixel.samples or {}, SAMPLE, "sample column")):
        for name in table:
            if name not in known:
                raise TraceError(f"{pixel}: {name} is no {what} that nbjax traces; name the program that computed it")


def _check_word(name: str, word: object, may_lack: bool = False) -> None:
    if word is None and may_lack:
        return
    if not isinstance(word, str) or not word or not word.isascii() or not word.isprintable() or set(word) & set(" ,"):
        raise TraceError(f"{name} is {word!r}; give one ASCII word without blanks and commas")


def _ordered(
    table: Mapping[str, object], order: Callable[[str], int], convert: Callable[[str, object], Converted]
) -> dict[str, Converted]:
    for name in table:
        if not name.isprintable() or set(name) & set(" /") or name in WORDS | {"", ".", ".."}:
            words = ", ".join(sorted(WORDS))
            raise TraceError(f"{name!r} cannot name a key; use a word without blanks and slashes, and none of {words}")
    return {name: convert(name, table[name]) for name in sorted(table, key=order)}


def _value(place: str, name: str, given: object) -> Value:
    """A finite number or a vector of the length that the key asks for."""
    array = _finite(place, given)
    key = PIXEL.get(name)
    if array.ndim > 1 or array.size == 0:
        raise TraceError(f"{place} has shape {array.shape}; give a number or a list of numbers")
    if key is not None and key.size is not None and array.size != key.size:
        wanted = "one number" if key.size == 1 else f"{key.size} numbers"
        raise TraceError(f"{place} has {array.size} numbers; it takes {wanted}")
    if key is not None and key.whole:
        _check_whole(place, array)
    if array.size == 1 and (key is None or key.size == 1):
        return float(array.reshape(()))
    return _frozen(array.reshape(-1))


def _column(place: str, name: str, given: object) -> np.ndarray:
    array = _finite(place, given)
    if array.ndim != 1:
        raise TraceError(f"{place} has shape {array.shape}; give one number for each sample")
    if name in SAMPLE and SAMPLE[name].whole:
        _check_whole(place, array)
        return _frozen(array.astype(np.int64))
    return _frozen(array)


def _finite(place: str, given: object) -> np.ndarray:
    try:
        raw = np.asarray(given)
    except ValueError:
        raw = np.array("ragged")
    if raw.dtype.kind not in "biuf":
        raise TraceError(f"{place} is {str(given)[:60]!r}; give finite numbers")
    array = np.array(raw, np.float64)
    if not np.isfinite(array).all():
        raise TraceError(f"{place} holds {array[~np.isfinite(array)].reshape(-1)[0]}; give finite numbers")
    return array


def _check_whole(place: str, array: np.ndarray) -> None:
    if (wrong := array[(array != np.rint(array)) | (np.abs(array) > 2**53)]).size:
        raise TraceError(f"{place} holds {wrong.reshape(-1)[0]}; give whole numbers")


def _frozen(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array
