"""Structure-factor lists: text files of h, k, l, F, and the dense box they become."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nbjax.errors import FileError
from nbjax.io.files import read_text

_LARGEST_BOX = 2**29


@dataclass(frozen=True)
class Reflections:
    """Miller indices (n, 3) and amplitudes in electrons (n,)."""

    miller: np.ndarray
    amplitude: np.ndarray


@dataclass(frozen=True)
class StructureFactorTable:
    """Amplitudes in electrons on a dense box of indices.

    Attributes:
        values: shape (h, k, l).
        minimum: indices of ``values[0, 0, 0]``.
    """

    values: np.ndarray
    minimum: tuple[int, int, int]

    @property
    def maximum(self) -> tuple[int, int, int]:
        """Indices of the last entry."""
        h, k, l = (low + size - 1 for low, size in zip(self.minimum, self.values.shape, strict=True))  # noqa: E741
        return h, k, l


def read_hkl(path: str | Path) -> Reflections:
    """Read a P1 list: h k l F a line, further columns ignored; blank lines and # comments allowed.

    Raises:
        FileError: naming the file, the line and what is wrong with it.
    """
    text = read_text(path)
    try:
        rows = np.loadtxt(io.StringIO(text), usecols=(0, 1, 2, 3), ndmin=2)
    except ValueError:
        raise FileError(_first_bad_line(path, text)) from None
    if not len(rows):
        raise FileError(f"{path}: holds no reflections; each line needs h k l F")
    whole = np.rint(rows[:, :3])
    if not (np.isfinite(rows).all() and (whole == rows[:, :3]).all() and np.abs(whole).max() < 2**31):
        raise FileError(_first_bad_line(path, text))
    return Reflections(whole.astype(np.int32), rows[:, 3].copy())


def tabulate(reflections: Reflections, default_F: float) -> StructureFactorTable:
    """The box between the smallest and largest indices; unlisted entries get ``default_F``, a repeated one its last F.

    Raises:
        FileError: the box is too large to hold.
    """
    low, high = reflections.miller.min(axis=0).astype(int), reflections.miller.max(axis=0).astype(int)
    shape = high - low + 1
    if np.prod(shape.astype(float)) > _LARGEST_BOX:
        raise FileError(
            f"structure factors: the indices span {tuple(map(int, low))} to {tuple(map(int, high))}, a box of "
            f"{np.prod(shape.astype(float)):.2g} entries; check the list for a misread index"
        )
    values = np.full(shape, float(default_F))
    h, k, l = (reflections.miller - low).T  # noqa: E741
    values[h, k, l] = reflections.amplitude
    return StructureFactorTable(values, (int(low[0]), int(low[1]), int(low[2])))


def _first_bad_line(path: str | Path, text: str) -> str:
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split("#", 1)[0].split()
        if not words:
            continue
        place = f"{path}: line {number}"
        if len(words) < 4:
            return f"{place}: has {len(words)} columns; each line needs h k l F"
        try:
            numbers = [float(word) for word in words[:4]]
        except ValueError:
            return f"{place}: {line.strip()[:60]!r} is not four numbers; each line needs h k l F"
        if not np.isfinite(numbers).all():
            return f"{place}: {line.strip()[:60]!r} is not finite; remove the line"
        if any(number != round(number) or abs(number) >= 2**31 for number in numbers[:3]):
            return f"{place}: {' '.join(words[:3])} are not whole Miller indices; this list must be indexed in P1"
    return f"{path}: cannot be read as h k l F"
