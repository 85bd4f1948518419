"""Counter-based random numbers: each is a pure function of the seed and of what it is for.

Philox (Salmon et al., SC'11, 2011) turns (seed, image, lattice, name) into bits, so that neither order nor batches nor
processes have a say in any number.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from scipy.spatial.transform import Rotation
from scipy.special import ndtri

from nbjax.config.edit import lists
from nbjax.dataset.columns import numbers_of_column
from nbjax.dataset.distributions import quantile
from nbjax.dataset.section import Draw
from nbjax.errors import FileError


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
        column = numbers_of_column(draw)
        if image >= len(column):
            raise FileError(f"{draw.file}: has {len(column)} lines, image {image} has none; simulate fewer images")
        return float(column[image])
    return quantile(draw, float(uniforms(seed, image, lattice, "+".join(draw.keys), 1)[0]))


def path_of(key: str) -> tuple[str, str | None]:
    """Key of the quantity of a drawn key, and which component of a vector it is: ``crystal.cell_A.0``.

    Of a list of tables, ``background.0.scale``, the number of the table is in neither.
    """
    section, _, rest = key.partition(".")
    if section in lists():
        table, _, rest = rest.partition(".")
        rest = rest if table.isdecimal() else ""
    name, dot, index = rest.partition(".")
    return f"{section}.{name}", index if dot else None


def table_of(key: str) -> str:
    """Place of the table that a drawn key lies in: a section, or one of a list, ``background.0``."""
    section, _, rest = key.partition(".")
    return f"{section}.{rest.partition('.')[0]}" if section in lists() else section


def draw_rotation(seed: int, image: int, lattice: int) -> np.ndarray:
    """A rotation matrix, uniform over all rotations, shape (3, 3): a point on the sphere of quaternions."""
    return Rotation.from_quat(ndtri(uniforms(seed, image, lattice, "orientation", 4))).as_matrix()


def draw_count(weights: Sequence[float], seed: int, image: int) -> int:
    """How many lattices an image shows, 0, 1, 2 ... with these weights."""
    ends = np.cumsum(weights)
    return int(np.searchsorted(ends, uniforms(seed, image, 0, "lattices", 1)[0] * ends[-1], "right"))


def mosaic_seed(seed: int, image: int, lattice: int) -> int:
    """Seed of the domains of one crystal."""
    return int(uniforms(seed, image, lattice, "mosaic", 1)[0] * 2**31)


def spectrum_seed(seed: int, image: int) -> int:
    """Seed of the spikes of one image's spectrum."""
    return int(uniforms(seed, image, 0, "spectrum", 1)[0] * 2**31)


def variation_seed(seed: int, image: int, number: int) -> int:
    """Seed of the random factor of a background of one image."""
    return int(uniforms(seed, image, number, "background", 1)[0] * 2**31)
