"""Rows of numbers in text files of reflections, and indices as whole numbers."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Sequence

import numpy as np

from nbjax.errors import FileError

_LARGEST_INDEX = 2**31
_FUSED = (
    "; its columns run into each other: put blanks between them, or give a file of SHELX as crystal.reflections_file"
)


def number_rows(name: str, text: str, columns: Sequence[int], wanted: str, comment: str = "#") -> np.ndarray:
    """Numbers of some columns of every line, the first three of them whole; float64, shape (n, columns).

    Blank lines are passed over, and so is what follows ``comment``.

    Args:
        name: of the file, for errors.
        text: content.
        columns: which words of a line.
        wanted: names of the columns, for errors.
        comment: begins what is passed over.

    Raises:
        FileError: naming the line and what is wrong with it.
    """
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "loadtxt: input contained no data")
            rows = np.loadtxt(io.StringIO(text), usecols=tuple(columns), ndmin=2, comments=comment)
    except ValueError:
        raise FileError(_first_bad_line(name, text, columns, wanted, comment)) from None
    if not len(rows):
        raise FileError(f"{name}: holds no reflections; each line needs {wanted}")
    if not (np.isfinite(rows).all() and are_indices(rows[:, :3])):
        raise FileError(_first_bad_line(name, text, columns, wanted, comment))
    return rows


def are_indices(numbers: np.ndarray) -> bool:
    """Whether numbers are whole, and small enough for indices."""
    return bool((np.rint(numbers) == numbers).all() and np.abs(numbers).max(initial=0.0) < _LARGEST_INDEX)


def as_indices(name: str, numbers: np.ndarray) -> np.ndarray:
    """Indices of reflections from numbers, int32, shape (n, 3).

    Raises:
        FileError: naming the first that is not whole.
    """
    with np.errstate(invalid="ignore"):
        bad = ~((np.rint(numbers) == numbers) & (np.abs(numbers) < _LARGEST_INDEX)).all(axis=1)
    if bad.any():
        first = int(np.argmax(bad))
        shown = " ".join(f"{number:g}" for number in numbers[first])
        raise FileError(f"{name}: reflection {first + 1} has the indices {shown}, not whole ones; correct the file")
    return numbers.astype(np.int32)


def _first_bad_line(name: str, text: str, columns: Sequence[int], wanted: str, comment: str) -> str:
    for number, line in enumerate(text.split("\n"), 1):
        words = line.split(comment, 1)[0].split()
        if not words:
            continue
        place = f"{name}: line {number}"
        if len(words) <= max(columns):
            return f"{place}: has {len(words)} columns; each line needs {wanted}"
        numbers = [as_number(words[column]) for column in columns]
        if None in numbers:
            count = {3: "three", 4: "four", 5: "five"}.get(len(columns), str(len(columns)))
            kind = f"does not begin with {count} numbers" if list(columns) == list(range(len(columns))) else "is no row"
            fused = _FUSED if _is_fused(words) else ""
            return f"{place}: {line.strip()[:60]!r} {kind}{fused}; each line needs {wanted}"
        found = np.array(numbers, float)
        if not np.isfinite(found).all():
            return f"{place}: {line.strip()[:60]!r} is not finite; remove the line"
        if not are_indices(found[:3]):
            return f"{place}: {' '.join(words[:3])} are not whole Miller indices; this list must be indexed in P1"
    return f"{name}: cannot be read; each line needs {wanted}"


def _is_fused(words: list[str]) -> bool:
    """Whether numbers of a fixed width, as in SHELX's files, stand without blanks."""
    return any(re.fullmatch(r"[+-]?\d+(-\d+)+(\.\d*)?", word) for word in words[:3])


def as_number(word: str) -> float | None:
    """A number as data files write it; Python itself would also take 1_000 and the digits of other scripts."""
    try:
        return float(word) if word.isascii() and "_" not in word else None
    except ValueError:
        return None
