"""Images of photons: bare 4-byte or 8-byte little-endian floats, row by row, without a header."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nbjax.errors import FileError
from nbjax.io.files import atomic_writer, read_bytes


def write_float(path: str | Path, image: np.ndarray) -> None:
    """Write an image of shape (slow, fast) as float32."""
    with atomic_writer(path) as handle:
        handle.write(np.ascontiguousarray(image, "<f4").tobytes())


def read_float(path: str | Path, shape: tuple[int, int]) -> np.ndarray:
    """Read a float32 image of shape (slow, fast).

    Raises:
        FileError: the file has another size.
    """
    content = read_bytes(path)
    wanted = 4 * shape[0] * shape[1]
    if len(content) != wanted:
        raise FileError(
            f"{path}: has {len(content)} bytes, {shape[0]} x {shape[1]} float pixels need {wanted}; check the shape"
        )
    return np.frombuffer(content, "<f4").reshape(shape).astype(np.float32)
