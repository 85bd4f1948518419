"""Logs with ``TRACE_C`` and ``TRACE_PY`` lines: the forms in which earlier ports of nanoBragg print a pixel.

A line gives a key and its numbers (``key 1 2 3``, ``key=1 2 3``, ``key: [1, 2, 3] m``, ``key = formula = 1``), or a
row of named numbers (``TRACE_PY_PHI phi_tic=0 k_frac=-0.6``). Keys that have a meaning here are translated by the
table of keys; the others keep their own names. Whatever else the log says is passed over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

from nbjax.tracing.document import PixelTrace, TraceDocument, TraceError
from nbjax.tracing.keys import COMPONENTS, PIXEL, SAMPLE, Key

Lines = dict[str, list[np.ndarray]]
"""For each key, the numbers of every line that has it."""

Columns = dict[str, np.ndarray]

_LINE = re.compile(r"\s*TRACE_(?P<program>C|PY)(?:_(?P<block>[A-Z0-9_]+)(?: (?P<index>\d+)(?=:))?:?|:)\s*(?P<rest>.*)")
_ENTRY = re.compile(r"(?P<name>[^\s=:]+)\s*[=:]?\s*(?P<text>.*)")
_PAIR = re.compile(r"(\S+?)=(\S+)")
_LABEL = re.compile(r"\b[A-Za-z]\w*:(?=[-+.\d])")
_PIXEL_LINES = (
    re.compile(r"\s*TRACE_CONFIG:.*spixel=(?P<slow>\d+), fpixel=(?P<fast>\d+)"),
    re.compile(r"\s*TRACE_(?:C|PY):.*=== PIXEL \((?P<fast>\d+), (?P<slow>\d+)\) TRACE START"),
    re.compile(r"\s*TRACE_(?:C|PY):\s*pixel\s*[=:]?\s*\(?\s*(?P<slow>\d+)[\s,]+(?P<fast>\d+)\s*\)?\s*$"),
)

_OF_EACH_SAMPLE = {
    *("obliquity_factor", "F_cell_interpolated", "cos_2theta"),
    *(f"rot_{name}_{unit}" for name in "abc" for unit in ("angstroms", "star_A_inv")),
}
"""Keys without a meaning here that are printed for each sample."""

_LONGEST_PER_A = 1e4
"""No scattering vector in 1/A is as long; ports print 1/m under names that say 1/A."""


@dataclass
class _Entries:
    """What the lines of one pixel say.

    Attributes:
        place: slow and fast; None where the log does not say.
        lines: numbers by key.
        rows: for each kind of row, the named numbers of each.
    """

    place: tuple[int, int] | None
    lines: Lines = field(default_factory=dict)
    rows: dict[str, list[dict[str, float]]] = field(default_factory=dict)


def is_log(text: str) -> bool:
    """Whether a text is of this form."""
    return re.search(r"^\s*TRACE_(C|PY)(_[A-Z0-9_]+[: ]|:)", text, re.MULTILINE) is not None


def parse_log(text: str) -> TraceDocument:
    """The document in a log.

    Raises:
        TraceError: it is cut off or faulty, or its lines say nothing.
    """
    lines = text.split("\n")
    if is_log(lines[-1]):
        raise TraceError("ends in the middle of a line; copy it again")
    programs = {found["program"] for line in lines if (found := _LINE.match(line))}
    if len(programs) > 1:
        raise TraceError("has TRACE_C and TRACE_PY lines; give a file to each program")
    pixels = tuple(_pixel(entries) for entries in _read(lines) if entries.lines or entries.rows)
    if not pixels:
        raise TraceError("has TRACE lines, but none with a number; check that it is the right file")
    return TraceDocument(programs.pop(), None, None, None, pixels)


def _read(lines: list[str]) -> list[_Entries]:
    """What the lines say, pixel by pixel; what stands before the first pixel is said of every one."""
    common = _Entries(None)
    pixels: list[_Entries] = []
    for line in lines:
        place = next((found for pattern in _PIXEL_LINES if (found := pattern.match(line))), None)
        if place is not None:
            indices = int(place["slow"]), int(place["fast"])
            if indices not in [pixel.place for pixel in pixels]:
                pixels.append(_Entries(indices))
        elif (found := _LINE.match(line)) is not None:
            _read_line(pixels[-1] if pixels else common, found)
    for pixel in pixels:
        pixel.lines = {
            name: [*common.lines.get(name, []), *pixel.lines.get(name, [])] for name in common.lines | pixel.lines
        }
        pixel.rows = common.rows | pixel.rows
    return pixels or [common]


def _read_line(entries: _Entries, found: re.Match[str]) -> None:
    block = (found["block"] or "") + (found["index"] or "")
    pairs = _PAIR.findall(found["rest"])
    if block and len(pairs) > 1:
        row = {name: number for name, word in pairs if (number := _number(word)) is not None}
        entries.rows.setdefault(block, []).append(row)
        return
    entry = _ENTRY.match(found["rest"])
    if entry is None:
        return
    numbers = _numbers(entry["text"])
    if numbers.size:
        name = f"{block}.{entry['name']}" if block else entry["name"]
        entries.lines.setdefault(name, []).append(numbers)
    elif not block and entry["name"] in _MEANINGS:
        raise TraceError(f"has {entry['text'][:40]!r} for {entry['name']}; give finite numbers")


def _numbers(text: str) -> np.ndarray:
    """The numbers that a text opens with, or that follow its last equals sign; shape (0,) if there are none."""
    for part in (text, text.rpartition("=")[2]):
        numbers: list[float] = []
        for word in re.sub(r"[][(),;]", " ", _LABEL.sub(" ", part)).split():
            number = _number(word)
            if number is None:
                break
            numbers.append(number)
        if numbers:
            return np.array(numbers)
    return np.zeros(0)


def _number(word: str) -> float | None:
    try:
        return float(word) if "_" not in word else None
    except ValueError:
        return None


def _pixel(entries: _Entries) -> PixelTrace:
    slow, fast = entries.place or (None, None)
    lines, repeated = _unrepeated(entries.lines)
    columns = _columns(repeated)
    for rows in entries.rows.values():
        columns = _joined(columns, _row_columns(rows))
    return PixelTrace(slow, fast, _values(lines), columns or None)


def _unrepeated(lines: Lines) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The last numbers of each key, and those of each sample, shape (samples, n), where a key is printed for each."""
    for name, numbers in lines.items():
        if len({item.size for item in numbers}) > 1:
            raise TraceError(f"has the duplicated key {name} with different numbers of components; keep one")
    tables = {name: np.array(numbers) for name, numbers in lines.items()}
    changing = {name for name, table in tables.items() if (table != table[0]).any()}
    counts = {len(tables[name]) for name in changing}
    for name in changing:
        if name not in _MEANINGS_OF_EACH_SAMPLE or len(counts) > 1:
            raise TraceError(f"has the duplicated key {name} with different values; trace one sample or every sample")
    last = {name: table[-1] for name, table in tables.items()}
    if not changing:
        return last, {}
    count = counts.pop()
    return last, {
        name: table for name, table in tables.items() if name in _MEANINGS_OF_EACH_SAMPLE and len(table) == count
    }


def _values(lines: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Values by canonical name, in its unit, as far as there is one; the preferred spelling of several wins."""
    rest = dict(lines)
    values: dict[str, np.ndarray] = {}
    for key in PIXEL.values():
        factors = {key.name: 1.0, **key.aliases}
        spelling = next((name for name in factors if name in rest), None)
        if spelling is not None:
            values[key.name] = _in_unit(key, rest.pop(spelling), factors[spelling])
            continue
        for names in _VECTORS.get(key.name, []):
            if all(name in rest and rest[name].size == 1 for name in names):
                values[key.name] = np.concatenate([rest.pop(name) for name in names])
                break
    # what is printed under two spellings keeps the second, so that logs that do the same are compared by it too
    return {**rest, **values}


def _columns(tables: dict[str, np.ndarray]) -> Columns:
    columns: Columns = {}
    for name, table in tables.items():
        meaning = _MEANINGS.get(name)
        if name in COMPONENTS:
            key, component = COMPONENTS[name]
            found = {PIXEL[key].columns[component]: table[:, 0]} if table.shape[1] == 1 else {}
        elif meaning is not None and len(meaning[0].columns) == table.shape[1]:
            key_table = _in_unit(meaning[0], table, meaning[1])
            found = dict(zip(meaning[0].columns, key_table.T, strict=True))
        else:
            suffixes = ("",) if table.shape[1] == 1 else tuple(f"_{i}" for i in range(table.shape[1]))
            found = {name + suffix: table[:, i] for i, suffix in enumerate(suffixes)}
        columns = {**found, **columns}
    return columns


def _row_columns(rows: list[dict[str, float]]) -> Columns:
    if len({tuple(row) for row in rows}) > 1:
        raise TraceError("has rows of named numbers with different names; trace again")
    spellings = {alias: key.name for key in SAMPLE.values() for alias in key.aliases}
    return {spellings.get(name, name): np.array([row[name] for row in rows]) for name in rows[0]}


def _joined(columns: Columns, more: Columns) -> Columns:
    lengths = {len(column) for column in (*columns.values(), *more.values())}
    if len(lengths) > 1:
        raise TraceError(f"has tables of {sorted(lengths)} samples in one pixel; trace every sample once")
    return {**more, **columns}


def _in_unit(key: Key, numbers: np.ndarray, factor: float) -> np.ndarray:
    if key.unit == "1/m" and np.abs(numbers).max() > _LONGEST_PER_A:
        factor = 1.0
    return numbers * factor


_MEANINGS: dict[str, tuple[Key, float]] = {
    **{alias: (key, factor) for key in PIXEL.values() for alias, factor in key.aliases.items()},
    **{name: (key, 1.0) for name, key in PIXEL.items()},
    **{name: (PIXEL[key], 1.0) for name, (key, _) in COMPONENTS.items()},
}
"""What each spelling stands for, and the factor that turns it to the canonical unit."""

_MEANINGS_OF_EACH_SAMPLE = _OF_EACH_SAMPLE | {name for name, (key, _) in _MEANINGS.items() if key.columns}

_VECTORS: dict[str, list[tuple[str, ...]]] = {
    "last_hkl": [tuple(f"{name}_{kind}" for name in "hkl") for kind in ("float", "frac")],
    "last_hkl0": [tuple(f"{name}_int" for name in "hkl")],
    "last_F_latt_axes": [tuple(f"F_latt_{name}" for name in "abc")],
}
"""Keys whose components other programs print one by one."""
