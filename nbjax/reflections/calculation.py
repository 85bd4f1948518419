"""Structure factors from the coordinates of a crystal structure, by gemmi."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np

from nbjax.errors import FileError
from nbjax.io.structure import read_structure
from nbjax.reflections.table import StructureFactorTable

_SOLVENT_ELECTRONS_PER_A3 = 0.35
_SOLVENT_B_A2 = 46.0
_RATE = 2.0
_COARSEST_A = 3.0
_LARGEST_GRID = 2**28
_MASK_SPACING_A = 0.4
_LARGEST_MASK = 2**25


@dataclass(frozen=True)
class CoordinatesModel:
    """What a coordinates file gives.

    Attributes:
        table: amplitudes in electrons of every index to the resolution, Friedel mates included; 0 beyond it.
        cell_A: lengths of the cell's edges.
        cell_deg: angles of the cell.
        name: entry name.
        warnings: what was mended in the file.
    """

    table: StructureFactorTable
    cell_A: tuple[float, float, float]
    cell_deg: tuple[float, float, float]
    name: str
    warnings: tuple[str, ...] = ()


def calculate(path: str | Path, resolution_A: float, solvent: bool = True) -> CoordinatesModel:
    """|F| on the absolute electron scale for the full sphere of indices, in P1.

    The density of the atoms of the first model (X-ray form factors) is put on a grid and Fourier transformed; a flat
    bulk solvent of 0.35 electrons/A^3 smoothed by B = 46 A^2 fills the rest of the cell. F(000) is set to 0: the direct
    beam ends in the beam stop.

    Args:
        path: PDB or mmCIF file.
        resolution_A: smallest spacing in Angstrom.
        solvent: whether to add the bulk solvent.

    Raises:
        FileError: the file cannot be read, has no atoms, unit cell or known space group, contradicts itself, or the
            resolution leaves no reflection or too many.
    """
    structure, warnings = read_structure(path)
    cell = structure.cell
    _check_resolution(path, cell, resolution_A)
    limits = tuple(math.floor(edge / resolution_A) for edge in (cell.a, cell.b, cell.c))
    inverse_d2 = _inverse_d2(cell, limits)
    kept = inverse_d2 <= resolution_A**-2
    kept[limits] = False
    if not kept.any():
        raise FileError(f"{path}: has no reflection to a resolution of {resolution_A:g} A; give a smaller spacing")
    F = _atoms(structure, resolution_A, limits, inverse_d2)
    if solvent:
        F += _solvent(structure, limits, inverse_d2)
    if not np.isfinite(F).all():
        raise FileError(f"{path}: gives structure factors that are not finite; check the positions and B factors")
    return CoordinatesModel(
        StructureFactorTable(np.where(kept, np.abs(F), 0.0), (-limits[0], -limits[1], -limits[2])),
        (cell.a, cell.b, cell.c),
        (cell.alpha, cell.beta, cell.gamma),
        structure.name,
        warnings,
    )


def _check_resolution(path: str | Path, cell: gemmi.UnitCell, resolution_A: float) -> None:
    if not (math.isfinite(resolution_A) and resolution_A > 0):
        raise FileError(f"{path}: resolution {resolution_A:g} A is not a spacing; give a number above zero")
    points = cell.volume * (2 * _RATE / min(resolution_A, _COARSEST_A)) ** 3
    if points > _LARGEST_GRID:
        raise FileError(
            f"{path}: a resolution of {resolution_A:g} A needs {points:.2g} grid points; give a larger spacing"
        )


def _inverse_d2(cell: gemmi.UnitCell, limits: tuple[int, ...]) -> np.ndarray:
    """1/d^2 in A^-2 of every index in the box from ``-limits`` to ``limits``."""
    h, k, l = np.ix_(*(np.arange(-limit, limit + 1.0) for limit in limits))  # noqa: E741
    star = np.array(cell.frac.mat.tolist())
    g = star @ star.T
    squares = h * h * g[0, 0] + k * k * g[1, 1] + l * l * g[2, 2]
    return squares + 2 * (h * k * g[0, 1] + h * l * g[0, 2] + k * l * g[1, 2])


def _atoms(
    structure: gemmi.Structure, resolution_A: float, limits: tuple[int, ...], inverse_d2: np.ndarray
) -> np.ndarray:
    density = gemmi.DensityCalculatorX()
    # a coarser grid would lose accuracy at low angles
    density.d_min = min(resolution_A, _COARSEST_A)
    density.rate = _RATE
    density.set_refmac_compatible_blur(structure[0])
    density.grid.setup_from(structure)
    density.put_model_density_on_grid(structure[0])
    sharpening = np.exp(density.blur * inverse_d2 / 4)
    return _transform(density.grid.array, structure.cell.volume, limits) * sharpening


def _solvent(structure: gemmi.Structure, limits: tuple[int, ...], inverse_d2: np.ndarray) -> np.ndarray:
    mask = gemmi.FloatGrid()
    mask.setup_from(structure)
    # the border moves with the spacing: one spacing for all resolutions keeps low angles the same
    spacing_A = max(_MASK_SPACING_A, (structure.cell.volume / _LARGEST_MASK) ** (1 / 3))
    mask.set_size_from_spacing(spacing_A, gemmi.GridSizeRounding.Up)
    gemmi.SolventMasker(gemmi.AtomicRadiiSet.Cctbx).put_mask_on_float_grid(mask, structure[0])
    damping = _SOLVENT_ELECTRONS_PER_A3 * np.exp(-_SOLVENT_B_A2 * inverse_d2 / 4)
    return _transform(mask.array, structure.cell.volume, limits) * damping


def _transform(density: np.ndarray, volume_A3: float, limits: tuple[int, ...]) -> np.ndarray:
    """Fourier coefficients of a cell from ``-limits`` to ``limits``; 0 where the grid is too coarse to have them."""
    reached = [min(limit, (size - 1) // 2) for limit, size in zip(limits, density.shape, strict=True)]
    indices = [np.arange(-reach, reach + 1) for reach in reached]
    source = np.ix_(*(index % size for index, size in zip(indices, density.shape, strict=True)))
    target = np.ix_(*(index + limit for index, limit in zip(indices, limits, strict=True)))
    box = np.zeros([2 * limit + 1 for limit in limits], complex)
    box[target] = np.fft.fftn(density)[source] * (volume_A3 / density.size)
    return box
