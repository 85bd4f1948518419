"""Reflection files of SHELX: columns of fixed width, 3I4, 2F8, I4."""

from __future__ import annotations

import re

import numpy as np

from nbjax.errors import FileError
from nbjax.io.files import as_text
from nbjax.io.reflections.reflection_list import Kind, ReflectionList
from nbjax.io.reflections.rows import as_indices

_ROW = re.compile(rb" *-?\d+ *")
_NUMBER = re.compile(rb" *-?(\d+\.\d*|\.\d+|\d+)")
_ENDS = (4, 8, 12, 20, 28)
_LOOKED_AT = 200
_KINDS: dict[str | None, Kind] = {None: "intensity", "I": "intensity", "F": "amplitude"}


class Shelx:
    """HKLF 4: h, k, l, F squared and sigma, until a line of zeros."""

    name = "SHELX HKLF 4"

    def recognises(self, content: bytes) -> bool:
        """Whether the first lines have numbers that end in the columns 4, 8, 12, 20 and 28."""
        lines = content[: 34 * _LOOKED_AT].replace(b"\r", b"").split(b"\n")[:_LOOKED_AT]
        whole = lines if len(content) <= 34 * _LOOKED_AT else lines[:-1]
        rows = whole[: next((i for i, line in enumerate(whole) if not line.strip() or _is_end(line)), len(whole))]
        return bool(rows) and all(_is_row(line) for line in rows)

    def read(self, content: bytes, name: str, column: str | None) -> ReflectionList:
        """Read the list; ``column`` says what the fourth number is, I (default, HKLF 4) or F (HKLF 3)."""
        if column not in _KINDS:
            raise FileError(
                f"{name}: is a file of SHELX, whose column is I (HKLF 4) or F (HKLF 3); {column!r} is neither"
            )
        lines = as_text(content, name).encode().split(b"\n")
        lines = lines[: next((i for i, line in enumerate(lines) if not line.strip() or _is_end(line)), len(lines))]
        for number, line in enumerate(lines, 1):
            if not _is_row(line):
                shown = line.decode()[:60]
                raise FileError(
                    f"{name}: line {number}: {shown!r} is not h k l I sigma in columns of 4 and 8; correct it"
                )
        if not lines:
            raise FileError(f"{name}: holds no reflections before its line of zeros; give another file")
        starts = (0, *_ENDS[:-1])
        rows = np.array([[float(line[a:b]) for a, b in zip(starts, _ENDS, strict=True)] for line in lines])
        return ReflectionList(
            miller=as_indices(name, rows[:, :3]),
            values=rows[:, 3].copy(),
            kind=_KINDS[column],
            column=column or "I",
            measured=True,
            sigma=rows[:, 4].copy(),
        )


def _is_row(line: bytes) -> bool:
    if len(line) < _ENDS[-1]:
        return False
    indices = (line[0:4], line[4:8], line[8:12])
    values = (line[12:20], line[20:28])
    return (
        all(_ROW.fullmatch(word) and word[-1:].isdigit() for word in indices)
        and all(_NUMBER.fullmatch(word) for word in values)
        and (not line[28:32].strip() or _ROW.fullmatch(line[28:32]) is not None)
    )


def _is_end(line: bytes) -> bool:
    return _is_row(line) and not any(line[a:b].strip().strip(b"0") for a, b in ((0, 4), (4, 8), (8, 12)))
