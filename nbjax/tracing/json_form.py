"""The JSON form: one object, floats to their last bit, and the unit of every key beside the values."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from nbjax.tracing.document import SCHEMA, SCHEMA_VERSION, PixelTrace, TraceDocument, TraceError, check_unit
from nbjax.tracing.keys import PIXEL, UNITS


def format_json(document: TraceDocument) -> str:
    """A document as JSON text."""
    names = {name for pixel in document.pixels for name in (*pixel.values, *(pixel.samples or {}))}
    tree = {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "program": document.program,
        "version": document.version,
        "precision": document.precision,
        "parity": None if document.parity is None else list(document.parity),
        "units": {name: unit for name, unit in UNITS.items() if name in names},
        "pixels": [_pixel_tree(pixel) for pixel in document.pixels],
    }
    return layout(tree) + "\n"


def parse_json(text: str) -> TraceDocument:
    """The document in a JSON text.

    Raises:
        TraceError: it is cut off, or is not a trace.
    """
    try:
        tree = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise TraceError(
            f"is not whole JSON (line {error.lineno}: {error.msg}); it may be cut off, so write or copy it again"
        ) from None
    except (ValueError, RecursionError) as error:
        raise TraceError(f"is JSON that cannot be read ({error}); write it again") from None
    if not isinstance(tree, dict) or tree.get("schema") != SCHEMA:
        raise TraceError(f'is JSON without "schema": "{SCHEMA}"; give a file that nbjax wrote as a trace')
    version = tree.get("schema_version")
    if version != SCHEMA_VERSION or isinstance(version, bool):
        raise TraceError(f"has schema version {version!r}; this nbjax reads version {SCHEMA_VERSION}, so trace again")
    for name, unit in _take(tree, "units", dict).items():
        check_unit(name, str(unit))
    parity = _take(tree, "parity", list, type(None))
    return TraceDocument(
        _take(tree, "program", str),
        _take(tree, "version", str, type(None)),
        _take(tree, "precision", str, type(None)),
        None if parity is None else tuple(parity),
        tuple(_pixel(item) for item in _take(tree, "pixels", list)),
    )


def layout(tree: Any, margin: str = "") -> str:
    """JSON with one line for every list or object that holds no other; never NaN or infinity."""
    items = tree.values() if isinstance(tree, dict) else tree
    if not isinstance(tree, dict | list | tuple) or not any(isinstance(item, dict | list | tuple) for item in items):
        return json.dumps(tree, allow_nan=False, ensure_ascii=False)
    inner = margin + " "
    if isinstance(tree, dict):
        lines = [f"{json.dumps(name, ensure_ascii=False)}: {layout(item, inner)}" for name, item in tree.items()]
        return "{\n" + ",\n".join(inner + line for line in lines) + f"\n{margin}}}"
    return "[\n" + ",\n".join(inner + layout(item, inner) for item in tree) + f"\n{margin}]"


def _pixel_tree(pixel: PixelTrace) -> dict[str, Any]:
    samples = None
    if pixel.samples is not None:
        columns = [column.tolist() for column in pixel.samples.values()]
        samples = {
            "columns": list(pixel.samples),
            "rows": [list(row) for row in zip(*columns, strict=True)],
            "omitted": pixel.omitted_samples,
        }
    values = {name: _json_value(name, value) for name, value in pixel.values.items()}
    return {"slow": pixel.slow, "fast": pixel.fast, "values": values, "samples": samples}


def _json_value(name: str, value: float | np.ndarray) -> Any:
    whole = name in PIXEL and PIXEL[name].whole
    if isinstance(value, np.ndarray):
        return [int(item) if whole else item for item in value.tolist()]
    return int(value) if whole else value


def _pixel(item: Any) -> PixelTrace:
    if not isinstance(item, dict):
        raise TraceError(f"has {str(item)[:40]!r} among its pixels; a pixel is an object with slow, fast and values")
    slow, fast = (_index(item, name) for name in ("slow", "fast"))
    values = {name: _numbers(name, value) for name, value in _take(item, "values", dict).items()}
    table = _take(item, "samples", dict, type(None))
    if table is None:
        return PixelTrace(slow, fast, values)
    columns, rows = _take(table, "columns", list), _take(table, "rows", list)
    omitted = _index(table, "omitted") if "omitted" in table else 0
    if not columns or not all(isinstance(name, str) for name in columns) or len(set(columns)) < len(columns):
        raise TraceError(f"has the sample columns {columns}; name each column once")
    for row in rows:
        if not isinstance(row, list) or len(row) != len(columns):
            raise TraceError(f"has the sample row {str(row)[:60]}; a row takes {len(columns)} numbers")
    samples = {name: np.array([_number(name, row[i]) for row in rows]) for i, name in enumerate(columns)}
    return PixelTrace(slow, fast, values, samples, omitted or 0)


def _numbers(name: str, value: Any) -> float | np.ndarray:
    if isinstance(value, list):
        return np.array([_number(name, item) for item in value], np.float64)
    return _number(name, value)


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TraceError(f"has {str(value)[:40]!r} for {name}; give finite numbers")
    try:
        return float(value)
    except OverflowError:
        raise TraceError(f"has a number of {len(str(value))} digits for {name}; give finite numbers") from None


def _index(item: dict[str, Any], name: str) -> int | None:
    value = _take(item, name, int, type(None))
    if isinstance(value, bool):
        raise TraceError(f'has {value} for "{name}"; give a whole number')
    return value


def _take(tree: dict[str, Any], name: str, *kinds: type) -> Any:
    if name not in tree:
        raise TraceError(f'lacks "{name}"; write the trace again')
    if not isinstance(tree[name], kinds):
        raise TraceError(f'has {str(tree[name])[:40]!r} for "{name}"; write the trace again')
    return tree[name]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    tree = dict(pairs)
    if len(tree) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise TraceError(f"has the key {twice} twice; keep one")
    return tree


def _no_number(word: str) -> float:
    raise TraceError(f"holds {word}; give finite numbers")
