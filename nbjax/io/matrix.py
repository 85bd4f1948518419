"""MOSFLM-style orientation matrices."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nbjax.errors import FileError
from nbjax.io.files import read_text


def read_matrix(path: str | Path) -> np.ndarray:
    """The first nine numbers of a file: rows x, y, z; columns wavelength times a*, b*, c*; shape (3, 3).

    Raises:
        FileError: fewer than nine numbers, or a singular matrix.
    """
    words = read_text(path).split()[:9]
    numbers = []
    for word in words:
        try:
            numbers.append(float(word))
        except ValueError:
            break
    if len(numbers) < 9 or not np.isfinite(numbers).all():
        raise FileError(f"{path}: begins with {len(numbers)} numbers; an orientation matrix needs nine")
    matrix = np.array(numbers).reshape(3, 3)
    scale = float(np.prod(np.linalg.norm(matrix, axis=0)))
    if abs(float(np.linalg.det(matrix))) <= 1e-9 * scale:
        raise FileError(f"{path}: its three columns lie in a plane; they must be lambda a*, lambda b*, lambda c*")
    return matrix
