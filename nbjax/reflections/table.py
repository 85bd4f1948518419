"""The dense box of indices that a list of structure factors becomes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nbjax.errors import FileError
from nbjax.io.reflections.reflection_list import ReflectionList
from nbjax.memory import available_bytes

_COPIES = 4
"""Of a table, while an experiment is prepared: with the order of its list, or in the types of the computation."""


@dataclass(frozen=True)
class StructureFactorTable:
    """Amplitudes in electrons on a dense box of indices.

    Attributes:
        values: float64, shape (h, k, l); with channels the real and imaginary parts of F, shape (channels, 2, h, k, l).
        minimum: indices of ``values[..., 0, 0, 0]``.
        wavelengths_A: of the channels; empty: one table for all wavelengths.
    """

    values: np.ndarray
    minimum: tuple[int, int, int]
    wavelengths_A: tuple[float, ...] = ()

    @property
    def amplitudes(self) -> np.ndarray:
        """Amplitudes, of the first channel if there are several, shape (h, k, l)."""
        return np.hypot(*self.values[0]) if self.wavelengths_A else self.values

    @property
    def maximum(self) -> tuple[int, int, int]:
        """Indices of the last entry."""
        h, k, l = (low + size - 1 for low, size in zip(self.minimum, self.values.shape[-3:], strict=True))  # noqa: E741
        return h, k, l


def tabulate(reflections: ReflectionList, default_F: float) -> StructureFactorTable:
    """The box between the smallest and largest indices; unlisted entries get ``default_F``, a repeated one its last F.

    Raises:
        FileError: there is nothing to tabulate, or memory does not hold the box.
    """
    miller = reflections.miller
    if not len(miller):
        raise FileError("structure factors: the list is empty; each line needs h k l F")
    low, high = miller.min(axis=0).astype(int), miller.max(axis=0).astype(int)
    check_box(miller, low, high)
    shape = high - low + 1
    place = np.ravel_multi_index(tuple((miller - low).T), tuple(shape))
    # NumPy does not promise which of several assignments to one element stays, so pick the last of each index
    order = np.argsort(place, kind="stable")
    is_last = np.append(np.diff(place[order]) > 0, True)
    values = np.full(shape, float(default_F))
    values.flat[place[order[is_last]]] = reflections.values[order[is_last]]
    return StructureFactorTable(values, (int(low[0]), int(low[1]), int(low[2])))


def check_box(miller: np.ndarray, low: np.ndarray, high: np.ndarray, copies: int = _COPIES) -> None:
    """Make sure that memory holds so many copies of the table of a box of indices.

    Raises:
        FileError: it does not; names the reflection of ``miller`` that makes the box so large.
    """
    shape = high - low + 1
    size_bytes = 8 * float(np.prod(shape, dtype=float))
    if copies * size_bytes <= available_bytes():
        return
    axis = int(np.argmax(shape))
    entry = int(np.argmax(np.abs(miller[:, axis].astype(int))))
    index, box = " ".join(map(str, miller[entry])), " x ".join(map(str, shape))
    raise FileError(
        f"structure factors: index {index} (reflection {entry + 1} of the list) stretches the table to {box} entries, "
        f"{copies * size_bytes / 2**30:.3g} GiB of memory; correct or remove it"
    )
