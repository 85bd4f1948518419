"""MOSFLM-style orientation matrices."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nbjax.errors import FileError
from nbjax.io.files import read_text


def read_matrix(path: str | Path) -> np.ndarray:
    """The first nine numbers of a file: rows x, y, z; columns wavelength times a*, b*, c*; shape (3, 3).

    Raises:
        FileError: fewer than nine numbers, something else among them, or a singular matrix.
    """
    numbers: list[float] = []
    for number, line in enumerate(read_text(path).split("\n"), 1):
        for word in line.split()[: 9 - len(numbers)]:
            try:
                numbers.append(float(word))
            except ValueError:
                raise FileError(
                    f"{path}: line {number}: {word[:40]!r} is not a number; an orientation matrix begins with nine"
                ) from None
            if not np.isfinite(numbers[-1]):
                raise FileError(f"{path}: line {number}: {word[:40]!r} is not finite; write the matrix again")
    if len(numbers) < 9:
        raise FileError(f"{path}: holds {len(numbers)} numbers; an orientation matrix begins with nine")
    matrix = np.array(numbers).reshape(3, 3)
    scale = float(np.prod(np.linalg.norm(matrix, axis=0)))
    if abs(float(np.linalg.det(matrix))) <= 1e-9 * scale:
        raise FileError(f"{path}: its three columns lie in a plane; they must be lambda a*, lambda b*, lambda c*")
    return matrix
