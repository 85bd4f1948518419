"""Counter-based random numbers: each is a pure function of the seed and of what it is for.

Philox (Salmon et al., SC'11, 2011) turns (seed, image, lattice, name) into bits, so that neither order nor batches nor
processes have a say in any number.
"""

from __future__ import annotations

import zlib
from functools import cache

import numpy as np
from scipy.spatial.transform import Rotation
from scipy.special import ndtri

from nbjax.dataset.section import Draw
from nbjax.errors import FileError
from nbjax.io.files import read_text


def uniforms(seed: int, image: int, lattice: int, name: str, count: int) -> np.ndarray:
    """Uniform deviates, each strictly between 0 and 1, shape (count,)."""
    bits = np.random.Philox(key=[seed, zlib.crc32(name.encode())], counter=[0, 0, lattice, image]).random_raw(count)
    return ((bits >> np.uint64(11)) + 0.5) * 2.0**-53


def draw_number(draw: Draw, seed: int, image: int, lattice: int) -> float:
    """The number that a draw gives to an image, or to one of its lattices.

    Raises:
        FileError: the file of a column cannot be read, or has no line for the image.
    """
    if draw.distribution == "column":
        assert draw.file is not None
        assert draw.column is not None
        column = _column(draw.file, draw.column)
        if image >= len(column):
            raise FileError(f"{draw.file}: has {len(column)} lines, image {image} has none; simulate fewer images")
        return float(column[image])
    u = float(uniforms(seed, image, lattice, "+".join(draw.keys), 1)[0])
    if draw.distribution == "uniform":
        assert draw.low is not None
        assert draw.high is not None
        return draw.low + (draw.high - draw.low) * u
    assert draw.sigma is not None
    deviate = draw.sigma * float(ndtri(u))
    if draw.distribution == "normal":
        assert draw.mean is not None
        return draw.mean + deviate
    assert draw.median is not None
    return draw.median * float(np.exp(deviate))


def path_of(key: str) -> tuple[str, str | None]:
    """The configuration key of a drawn one, and which component of a vector it is: ``crystal.cell_A.0``."""
    section, _, rest = key.partition(".")
    name, dot, index = rest.partition(".")
    return f"{section}.{name}", index if dot else None


def draw_rotation(seed: int, image: int, lattice: int) -> np.ndarray:
    """A rotation matrix, uniform over all rotations, shape (3, 3): a point on the sphere of quaternions."""
    return Rotation.from_quat(ndtri(uniforms(seed, image, lattice, "orientation", 4))).as_matrix()


def noise_generator(seed: int, image: int) -> np.random.Generator:
    """The stream of an image's counting noise."""
    return np.random.Generator(np.random.Philox(key=[seed, zlib.crc32(b"noise")], counter=[0, 0, 0, image]))


@cache
def read_columns(path: str) -> np.ndarray:
    """Numbers of a text file, a row for each line; shape (lines, columns).

    Raises:
        FileError: it cannot be read, or holds other than equally many finite numbers a line.
    """
    lines = [line.split("#")[0].replace(",", " ").split() for line in read_text(path).splitlines()]
    try:
        table = np.array([[float(word) for word in line] for line in lines if line], float)
    except ValueError:
        table = np.full((1, 1), np.nan)
    if table.ndim != 2 or not len(table) or not np.isfinite(table).all():
        raise FileError(f"{path}: needs equally many finite numbers on every line; correct it")
    return table


def _column(path: str, column: int) -> np.ndarray:
    table = read_columns(path)
    if column >= table.shape[1]:
        raise FileError(f"{path}: has {table.shape[1]} columns, column {column} (counted from 0) is missing")
    return table[:, column]
