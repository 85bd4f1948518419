"""Structure-factor lists: text files of h, k, l, F."""

from __future__ import annotations

import io
import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nbjax.errors import FileError
from nbjax.io.files import read_text
from nbjax.io.foreign import Content, refuse_foreign

_WANTED = "text, a line h k l F for each reflection of the whole sphere in P1"
_REMEDIES = {
    Content.REFLECTIONS: f"write its amplitudes as {_WANTED} (gemmi reads and expands it; add the Friedel mates)",
    Content.COORDINATES: "give it as crystal.coordinates_file",
    Content.EXPERIMENT: f"give the amplitudes of a merged list as {_WANTED}",
    Content.IMAGE: f"give {_WANTED}",
    Content.COMPRESSED: "unpack it",
}


@dataclass(frozen=True)
class Reflections:
    """A list of structure factors, in file order.

    Attributes:
        miller: indices, int32, shape (n, 3).
        amplitude: in electrons, float64, shape (n,).
    """

    miller: np.ndarray
    amplitude: np.ndarray


def read_hkl(path: str | Path) -> Reflections:
    """Read a P1 list: h k l F a line, further columns ignored; blank lines and # comments allowed.

    Raises:
        FileError: naming the file, the line and what is wrong with it.
    """
    refuse_foreign(path, _REMEDIES)
    text = read_text(path)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "loadtxt: input contained no data")
            rows = np.loadtxt(io.StringIO(text), usecols=(0, 1, 2, 3), ndmin=2)
    except ValueError:
        raise FileError(_first_bad_line(path, text)) from None
    if not len(rows):
        raise FileError(f"{path}: holds no reflections; each line needs h k l F")
    whole = np.rint(rows[:, :3])
    if not (np.isfinite(rows).all() and (whole == rows[:, :3]).all() and np.abs(whole).max() < 2**31):
        raise FileError(_first_bad_line(path, text))
    return Reflections(whole.astype(np.int32), rows[:, 3].copy())


def _first_bad_line(path: str | Path, text: str) -> str:
    for number, line in enumerate(text.split("\n"), 1):
        words = line.split("#", 1)[0].split()
        if not words:
            continue
        place = f"{path}: line {number}"
        if len(words) < 4:
            return f"{place}: has {len(words)} columns; each line needs h k l F"
        numbers = [_number(word) for word in words[:4]]
        if None in numbers:
            fused = "; its columns run into each other: put blanks between them" if _is_fused(words) else ""
            return f"{place}: {line.strip()[:60]!r} does not begin with four numbers{fused}; each line needs h k l F"
        h, k, l, F = (float(number) for number in numbers if number is not None)  # noqa: E741
        if not np.isfinite((h, k, l, F)).all():
            return f"{place}: {line.strip()[:60]!r} is not finite; remove the line"
        if any(index != round(index) or abs(index) >= 2**31 for index in (h, k, l)):
            return f"{place}: {' '.join(words[:3])} are not whole Miller indices; this list must be indexed in P1"
    return f"{path}: cannot be read; each line needs h k l F"


def _is_fused(words: list[str]) -> bool:
    """Whether numbers of a fixed width, as in SHELX's files, stand without blanks."""
    return any(re.fullmatch(r"[+-]?\d+(-\d+)+(\.\d*)?", word) for word in words[:3])


def _number(word: str) -> float | None:
    """A number as data files write it; Python itself would also take 1_000 and the digits of other scripts."""
    try:
        return float(word) if word.isascii() and "_" not in word else None
    except ValueError:
        return None
