"""The text form: one ``TRACE_NBJAX:`` line a key, 17 digits, and a last line that says that nothing is cut off.

Lines that begin otherwise are passed over, so that a trace may stand in a program's log.
"""

from __future__ import annotations

import numpy as np

from nbjax.tracing.document import SCHEMA, SCHEMA_VERSION, WORDS, PixelTrace, TraceDocument, TraceError, Value
from nbjax.tracing.keys import BEFORE_SAMPLES

PREFIX = "TRACE_NBJAX:"

_UNKNOWN = "-"
_BEFORE = {key.name for key in BEFORE_SAMPLES}


def format_text(document: TraceDocument) -> str:
    """A document as lines of text."""
    parity = document.parity
    lines = [f"schema {SCHEMA} {SCHEMA_VERSION}", f"program {document.program}"]
    lines += [f"version {document.version or _UNKNOWN}", f"precision {document.precision or _UNKNOWN}"]
    lines += ["parity " + (_UNKNOWN if parity is None else ",".join(parity) or "none")]
    for pixel in document.pixels:
        lines += _pixel_lines(pixel)
    return "".join(f"{PREFIX} {line}\n" for line in [*lines, "end"])


def parse_text(text: str) -> TraceDocument:
    """The document in lines of text.

    Raises:
        TraceError: it is cut off, or is not a trace.
    """
    lines = [line[len(PREFIX) :].split() for line in text.splitlines() if line.startswith(PREFIX)]
    if not lines or lines[0][:2] != ["schema", SCHEMA] or len(lines[0]) != 3:
        raise TraceError(f"does not open with `{PREFIX} schema {SCHEMA} {SCHEMA_VERSION}`; trace again")
    if lines[0][2] != str(SCHEMA_VERSION):
        raise TraceError(f"has schema version {lines[0][2]}; this nbjax reads version {SCHEMA_VERSION}, so trace again")
    if ["end"] not in lines:
        raise TraceError(f"is cut off: its last line `{PREFIX} end` is missing; write or copy it again")
    if lines.index(["end"]) != len(lines) - 1:
        raise TraceError(f"goes on after `{PREFIX} end`; give one trace a file")
    head, blocks = _blocks(lines[1:-1])
    parity = head["parity"]
    return TraceDocument(
        head["program"],
        _known(head["version"]),
        _known(head["precision"]),
        None if parity == _UNKNOWN else () if parity == "none" else tuple(parity.split(",")),
        tuple(_pixel(block) for block in blocks),
    )


def number(name: str, word: str) -> float:
    """The number that a word spells.

    Raises:
        TraceError: it spells none.
    """
    try:
        return float(word) if "_" not in word else float("")
    except ValueError:
        raise TraceError(f"has {word[:40]!r} for {name}; give finite numbers") from None


def _pixel_lines(pixel: PixelTrace) -> list[str]:
    place = (pixel.slow, pixel.fast)
    lines = [" ".join(["pixel", *(_UNKNOWN if index is None else str(index) for index in place)])]
    lines += [_line(name, value) for name, value in pixel.values.items() if name in _BEFORE]
    if pixel.samples is not None:
        columns = [[_digits(item) for item in column.tolist()] for column in pixel.samples.values()]
        lines += ["columns " + " ".join(pixel.samples)]
        lines += ["sample " + " ".join(row) for row in zip(*columns, strict=True)]
        lines += [f"omitted {pixel.omitted_samples}"] if pixel.omitted_samples else []
    return lines + [_line(name, value) for name, value in pixel.values.items() if name not in _BEFORE]


def _line(name: str, value: Value) -> str:
    return " ".join([name, *(_digits(float(item)) for item in np.atleast_1d(value))])


def _digits(item: int | float) -> str:
    return str(item) if isinstance(item, int) else f"{item:.17g}"


def _known(word: str) -> str | None:
    return None if word == _UNKNOWN else word


def _blocks(lines: list[list[str]]) -> tuple[dict[str, str], list[list[list[str]]]]:
    """The head's words, and the lines of each pixel."""
    head: dict[str, str] = {}
    blocks: list[list[list[str]]] = []
    for line in lines:
        if not line:
            raise TraceError(f"has an empty `{PREFIX}` line; write or copy it again")
        if line[0] == "pixel":
            blocks.append([line])
        elif blocks:
            blocks[-1].append(line)
        elif line[0] not in ("program", "version", "precision", "parity") or len(line) != 2:
            raise TraceError(f"has `{' '.join(line)[:60]}` before its first pixel; trace again")
        elif line[0] in head:
            raise TraceError(f"has the key {line[0]} twice; keep one")
        else:
            head[line[0]] = line[1]
    for name in ("program", "version", "precision", "parity"):
        if name not in head:
            raise TraceError(f"lacks its `{PREFIX} {name}` line; trace again")
    return head, blocks


def _pixel(block: list[list[str]]) -> PixelTrace:
    slow, fast = _place(block[0][1:])
    values: dict[str, np.ndarray] = {}
    columns: list[str] | None = None
    rows: list[list[float]] = []
    omitted = 0
    for name, *words in block[1:]:
        if name == "sample":
            if columns is None or len(words) != len(columns):
                expected = "none was announced" if columns is None else f"it takes {len(columns)}"
                raise TraceError(f"has a sample row of {len(words)} numbers, {expected}; write or copy it again")
            rows.append([number(column, word) for column, word in zip(columns, words, strict=True)])
        elif name in values or (name == "columns" and columns is not None) or (name == "omitted" and omitted):
            raise TraceError(f"has the key {name} twice in pixel ({slow}, {fast}); keep one")
        elif name == "columns":
            if not words or len(set(words)) < len(words):
                raise TraceError(f"has the sample columns `{' '.join(words)[:60]}`; name each column once")
            columns = words
        elif name == "omitted":
            omitted = _whole("omitted", words)
        elif name in WORDS:
            raise TraceError(f"has `{name}` within pixel ({slow}, {fast}); trace again")
        else:
            values[name] = np.array([number(name, word) for word in words])
    table = np.array(rows).reshape(len(rows), len(columns or ()))
    samples = None if columns is None else {name: table[:, i] for i, name in enumerate(columns)}
    return PixelTrace(slow, fast, values, samples, omitted)


def _place(words: list[str]) -> tuple[int | None, int | None]:
    if words == [_UNKNOWN, _UNKNOWN]:
        return None, None
    if len(words) != 2:
        raise TraceError(f"has `pixel {' '.join(words)[:40]}`; a pixel is named by slow and fast")
    return _whole("pixel", words[:1]), _whole("pixel", words[1:])


def _whole(name: str, words: list[str]) -> int:
    if len(words) != 1 or not (words[0].isascii() and words[0].isdigit()):
        raise TraceError(f"has `{name} {' '.join(words)[:40]}`; give a whole number")
    return int(words[0])
