"""Orientation matrices as text: the nine numbers of A = U B alone, or the whole file of MOSFLM.

Rows are x, y, z and columns a*, b*, c*. Nine numbers alone are in 1/Angstrom, in the laboratory of the configuration.
MOSFLM's nine are multiplied by the wavelength, which the cell in the file gives away (a factor of 1 is a matrix without
it); its missetting angles, about x, then y, then z, are not part of them. Its beam runs along x, its spindle along z.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from nbjax.errors import FileError
from nbjax.io.experiments.mosflm_matrix import OrientationMatrix, leading_numbers, read_matrix
from nbjax.io.experiments.recorded import MOSFLM, Choice, Reader, RecordedCrystal, RecordedExperiment
from nbjax.io.experiments.words import is_number
from nbjax.io.files import read_text

_LARGEST_BYTES = 1 << 14
_MISMATCH = 0.01
_UNIT = 0.05


def recognises(start: bytes) -> bool:
    """Whether a short file begins with three numbers on a line, or nine."""
    if len(start) > _LARGEST_BYTES or b"\0" in start:
        return False
    lines = [line.split() for line in start.decode("latin-1").split("\n") if line.strip()]
    return bool(lines) and len(lines[0]) in (3, 9) and all(map(is_number, lines[0]))


def read(path: str, choice: Choice) -> RecordedExperiment:
    """The one crystal of the file.

    Raises:
        FileError: it has another count of numbers, is a rotation without a cell, or contradicts its own cell.
    """
    if choice.crystal is not None:
        raise FileError(f"{path}: holds one crystal, which needs no #{choice.crystal[:20]}; leave it out")
    matrix = read_matrix(path)
    if matrix.cell is not None:
        return RecordedExperiment(path, MOSFLM, RecordedCrystal(direct_A=_of_mosflm(path, matrix)))
    count = len(leading_numbers(read_text(path).split("\n")))
    if count != 9:
        raise FileError(
            f"{path}: holds {count} numbers; give the nine of A = U B in 1/Angstrom, or a whole file of MOSFLM, which "
            "goes on with its missetting angles, a rotation U and the cell"
        )
    columns = matrix.columns
    if np.allclose(columns.T @ columns, np.eye(3), atol=_UNIT):
        raise FileError(
            f"{path}: is a rotation U without a cell; multiply it by B, the reciprocal cell in 1/Angstrom, or give the "
            "cell as crystal.cell_A and the rotation as crystal.misset_deg"
        )
    return RecordedExperiment(path, None, RecordedCrystal(direct_A=np.linalg.inv(columns)))


def _of_mosflm(path: str, matrix: OrientationMatrix) -> np.ndarray:
    """a, b, c as rows in Angstrom, by the wavelength that the cell gives away, with the missetting angles."""
    assert matrix.cell is not None
    direct = np.linalg.inv(matrix.columns)
    ratios = matrix.cell[:3] / np.linalg.norm(direct, axis=1)
    if np.ptp(ratios) > _MISMATCH * ratios.mean():
        shown = " ".join(f"{value:.5g}" for value in matrix.cell)
        raise FileError(
            f"{path}: gives the cell {shown}, which its first nine numbers have at no wavelength; write it again"
        )
    misset = Rotation.from_euler("xyz", matrix.misset_deg, degrees=True).as_matrix()
    return np.asarray(ratios.mean() * direct @ misset.T)


READER = Reader("an orientation matrix of MOSFLM, or nine numbers", recognises, read)
