"""hkl_stream: a reflection list as the C library reads it, one number after the other whatever the lines are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nbjax.errors import FileError
from nbjax.io.files import read_text
from nbjax.io.reflections.reflection_list import ReflectionList

_WHOLE = r"(?>\s*([+-]?\d+))"
_NUMBER = r"(?>\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?))"
_AS_NUMBERS = re.compile(_NUMBER * 4)
_AS_INDICES = re.compile(_WHOLE * 3 + _NUMBER)
_REGULAR = re.compile(r"(?:[ \t]*[+-]?\d+[ \t]+[+-]?\d+[ \t]+[+-]?\d+[ \t]+[^\s#]+[ \t]*\n?)*")


def reads_alike(path: str | Path) -> bool:
    """Whether a list has four words on every line, which every reader takes alike."""
    return _REGULAR.fullmatch(read_text(path).replace("\r", "")) is not None


def read_hkl_stream(path: str | Path, default_F: float) -> ReflectionList:
    """Reflections up to the first word that is none of its number; columns need no space before a sign.

    The bounds come from a first reading, in which indices may have decimals; they are held by two first entries of
    ``default_F``.

    Raises:
        FileError: there are none.
    """
    text = read_text(path)
    counted = np.array([row[:3] for row in _rows(_AS_NUMBERS, text)], float)
    if not len(counted):
        raise FileError(f"{path}: holds no reflections; each line needs h k l F")
    low, high = np.trunc(counted.min(axis=0)), np.trunc(counted.max(axis=0))
    rows = np.array(list(_rows(_AS_INDICES, text)), float).reshape(-1, 4)
    rows = rows[((rows[:, :3] >= low) & (rows[:, :3] <= high)).all(axis=1)]
    miller = np.concatenate([[low, high], rows[:, :3]])
    if np.abs(miller).max() >= 2**31:
        raise FileError(f"{path}: has an index that is too large; correct or remove it")
    values = np.concatenate([[default_F, default_F], rows[:, 3]])
    return ReflectionList(miller.astype(np.int32), values, as_listed=True)


def _rows(row: re.Pattern[str], text: str) -> Iterator[tuple[str, ...]]:
    at = 0
    while found := row.match(text, at):
        at = found.end()
        yield found.groups()
