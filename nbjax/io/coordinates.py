"""Structure factors from the coordinates of a crystal structure, by gemmi."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np

from nbjax.errors import FileError
from nbjax.io.hkl import StructureFactorTable

_SOLVENT_ELECTRONS_PER_A3 = 0.35
_SOLVENT_B_A2 = 46.0


@dataclass(frozen=True)
class CoordinatesModel:
    """What a coordinates file gives.

    Attributes:
        table: amplitudes in electrons of every index to the resolution, Friedel mates included.
        cell_A, cell_deg: the unit cell.
        name: entry name.
    """

    table: StructureFactorTable
    cell_A: tuple[float, float, float]
    cell_deg: tuple[float, float, float]
    name: str


def calculate(path: str | Path, resolution_A: float, solvent: bool = True) -> CoordinatesModel:
    """|F| on the absolute electron scale for the full sphere of indices, in P1.

    The density of the atoms (X-ray form factors) is put on a grid and Fourier transformed; a flat bulk solvent of 0.35
    electrons/A^3 smoothed by B = 46 A^2 fills the rest of the cell. F(000) is set to 0: the direct beam ends in the
    beam stop.

    Args:
        path: PDB or mmCIF file.
        resolution_A: smallest spacing.
        solvent: whether to add the bulk solvent.

    Raises:
        FileError: the file cannot be read, or has no atoms or no unit cell.
    """
    structure = _read(path)
    cell = structure.cell
    density = gemmi.DensityCalculatorX()
    density.d_min = resolution_A
    density.rate = 2.0
    density.set_refmac_compatible_blur(structure[0])
    density.grid.setup_from(structure)
    density.put_model_density_on_grid(structure[0])
    grid = np.array(density.grid.array, copy=True)
    indices, inverse_d2 = _indices(cell, grid.shape)
    kept = inverse_d2 <= resolution_A**-2
    per_point = cell.volume / grid.size
    F = np.fft.fftn(grid) * per_point * np.exp(density.blur * inverse_d2 / 4)
    if solvent:
        mask = gemmi.FloatGrid()
        mask.copy_metadata_from(density.grid)
        gemmi.SolventMasker(gemmi.AtomicRadiiSet.Cctbx).put_mask_on_float_grid(mask, structure[0])
        damping = _SOLVENT_ELECTRONS_PER_A3 * np.exp(-_SOLVENT_B_A2 * inverse_d2 / 4)
        F += np.fft.fftn(np.array(mask.array)) * per_point * damping
    return CoordinatesModel(
        _table(np.abs(F), indices, kept),
        (cell.a, cell.b, cell.c),
        (cell.alpha, cell.beta, cell.gamma),
        structure.name,
    )


def _read(path: str | Path) -> gemmi.Structure:
    try:
        structure = gemmi.read_structure(str(path))
    except (OSError, RuntimeError, ValueError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise FileError(f"{path}: cannot be read as PDB or mmCIF coordinates ({first})") from None
    structure.remove_empty_chains()
    if len(structure) == 0 or not any(True for _ in structure[0].all()):
        raise FileError(f"{path}: holds no atoms; give a PDB or mmCIF file with coordinates")
    if not structure.cell.is_crystal():
        raise FileError(f"{path}: has no unit cell; add a CRYST1 record or the _cell items")
    structure.setup_cell_images()
    return structure


def _indices(cell: gemmi.UnitCell, shape: tuple[int, ...]) -> tuple[list[np.ndarray], np.ndarray]:
    """Miller indices along each axis of the transform, and 1/d^2 in A^-2 of every point."""
    axes = [np.rint(np.fft.fftfreq(n) * n).astype(int) for n in shape]
    h, k, l = np.meshgrid(*axes, indexing="ij", sparse=True)  # noqa: E741
    star = np.array(cell.frac.mat.tolist())
    g = star @ star.T
    inverse_d2 = (
        h * h * g[0, 0] + k * k * g[1, 1] + l * l * g[2, 2] + 2 * (h * k * g[0, 1] + h * l * g[0, 2] + k * l * g[1, 2])
    )
    return axes, inverse_d2


def _table(amplitude: np.ndarray, axes: list[np.ndarray], kept: np.ndarray) -> StructureFactorTable:
    limits = []
    for i, axis in enumerate(axes):
        used = kept.any(axis=tuple(j for j in range(3) if j != i))
        limits.append(int(np.abs(axis[used]).max()))
    values = np.where(kept, amplitude, 0.0)
    values[0, 0, 0] = 0.0
    picked = values[np.ix_(*(np.arange(-limit, limit + 1) % n for limit, n in zip(limits, values.shape, strict=True)))]
    if not math.isfinite(float(picked.sum())):
        raise FileError("coordinates: structure factors are not finite; check the atoms' B factors")
    return StructureFactorTable(np.ascontiguousarray(picked, float), (-limits[0], -limits[1], -limits[2]))
