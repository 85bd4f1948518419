"""Numbers of text files, each fault with its line; and as they are written."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nbjax.errors import FileError


def is_number(word: str) -> bool:
    """Whether a word is a finite number."""
    try:
        return bool(np.isfinite(float(word)))
    except ValueError:
        return False


def numbers(place: str, words: Sequence[str], count: int) -> np.ndarray:
    """The first so many words as numbers, shape (count,).

    Args:
        place: file and line or key, for the error.
        words: of the line.
        count: wanted; more are left alone.

    Raises:
        FileError: there are fewer, or one is no finite number.
    """
    if len(words) < count:
        raise FileError(f"{place}: has {len(words)} numbers where {count} are wanted; the file is cut off or damaged")
    for word in words[:count]:
        if not is_number(word):
            raise FileError(f"{place}: {word[:40]!r} is no finite number; correct it")
    return np.array([float(word) for word in words[:count]])


def whole(place: str, word: str) -> int:
    """A word as a whole number.

    Raises:
        FileError: it is none.
    """
    value = float(numbers(place, [word], 1)[0])
    if value != int(value) or abs(value) >= 1 << 31:
        raise FileError(f"{place}: {word[:40]!r} is no whole number; correct it")
    return int(value)


def floats(values: Sequence[float] | np.ndarray) -> tuple[float, ...]:
    """Python's numbers, without the sign of a zero."""
    return tuple(float(value) + 0.0 for value in values)
