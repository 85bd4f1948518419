"""The C program's binary cache of structure factors (Fdump.bin), read and written only when it is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nbjax.errors import FileError
from nbjax.io.files import atomic_writer, read_bytes


def read_dump(path: str | Path) -> tuple[np.ndarray, tuple[int, int, int]]:
    """Read a dump: six inclusive bounds as text, a form feed, then doubles, the last plane of each axis padding.

    Returns:
        Amplitudes in electrons on a dense box of indices, float64, shape (h, k, l); the indices of the first.

    Raises:
        FileError: not a dump, or cut short.
    """
    content = read_bytes(path)
    head, mark, _ = content[:200].partition(b"\f")
    words = head.split()
    if not mark or len(words) != 6 or not all(word.removeprefix(b"-").isdigit() for word in words):
        raise FileError(f"{path}: is not a structure-factor dump; write one with -hkl FILE -dump {path}")
    h0, h1, k0, k1, l0, l1 = map(int, words)
    body = content[len(head) + 1 :]
    shape = (h1 - h0 + 2, k1 - k0 + 2, l1 - l0 + 2)
    if min(shape) < 2:
        raise FileError(f"{path}: has bounds {head.decode().strip()} that hold no index; write the dump again")
    if len(body) != 8 * shape[0] * shape[1] * shape[2]:
        raise FileError(f"{path}: holds {len(body)} bytes of data where {shape} doubles belong; write the dump again")
    values = np.frombuffer(body, "<f8").reshape(shape)[:-1, :-1, :-1].copy()
    if not np.isfinite(values).all():
        raise FileError(f"{path}: holds amplitudes that are not finite; write the dump again")
    return values, (h0, k0, l0)


def write_dump(path: str | Path, values: np.ndarray, minimum: tuple[int, int, int]) -> None:
    """Write a dump that the C program reads.

    Args:
        path: file to write.
        values: amplitudes in electrons on a dense box of indices, shape (h, k, l).
        minimum: indices of ``values[0, 0, 0]``.
    """
    bounds = [b for low, size in zip(minimum, values.shape, strict=True) for b in (low, low + size - 1)]
    padded = np.pad(values, (0, 1)).astype("<f8")
    with atomic_writer(path) as handle:
        handle.write((" ".join(map(str, bounds)) + "\n\f").encode())
        handle.write(padded.tobytes())
