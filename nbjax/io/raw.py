"""Images of photons: bare 4-byte or 8-byte little-endian floats, row by row, without a header; and NumPy's format."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from nbjax.errors import FileError
from nbjax.io.files import atomic_writer, read_bytes

_NPY, _HDF5 = b"\x93NUMPY", b"\x89HDF\r\n\x1a\n"


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


def read_photons(path: str | Path, shape: tuple[int, int]) -> np.ndarray | None:
    """Read an image of photons of any of the forms, shape (slow, fast).

    Args:
        path: the file.
        shape: (slow, fast) of a bare image, which does not say its own.

    Returns:
        The image in double precision, of whatever size an .npy file holds; None if the file is text or HDF5.

    Raises:
        FileError: it is an image of integers, or no image of this size.
    """
    content = read_bytes(path)
    if content.startswith(_NPY):
        try:
            image = np.load(io.BytesIO(content), allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise FileError(f"{path}: is a faulty .npy file ({error}); write it again") from None
        if image.ndim != 2 or image.dtype.kind not in "fiu":
            raise FileError(f"{path}: holds {image.dtype} of shape {image.shape}; give numbers of shape (slow, fast)")
        return image.astype(float)
    if content.lstrip().startswith(b"{") and b"HEADER_BYTES" in content[:512]:
        raise FileError(f"{path}: is an SMV image, whose integers are rounded and rescaled; give the float image")
    if content.startswith(_HDF5) or b"\0" not in content[:4096]:
        return None
    for kind in ("<f4", "<f8"):
        if len(content) == np.dtype(kind).itemsize * shape[0] * shape[1]:
            return np.frombuffer(content, kind).reshape(shape).astype(float)
    raise FileError(
        f"{path}: has {len(content)} bytes, {shape[0]} x {shape[1]} (slow x fast) float pixels need "
        f"{4 * shape[0] * shape[1]}; give an image of the same detector"
    )
