"""Fourier coefficients of what fills a unit cell: atoms, the same with unit weight, and the solvent between them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import gemmi
import numpy as np
import scipy.fft
from jaxtyping import Complex, Float

from nbjax.reflections.expansion import inverse_d2

_RATE = 2.0
_CUTOFF = 1e-6
_COARSEST_A = 3.0
_MASK_SPACING_A = 0.4
_LARGEST_MASK = 2**25


@dataclass(frozen=True)
class Box:
    """A box of Miller indices, from ``-limits`` to ``limits``.

    Attributes:
        cell: unit cell.
        limits: largest index along each axis.
        inverse_d2: 1/d^2 in A^-2, shape (h, k, l).
    """

    cell: gemmi.UnitCell
    limits: tuple[int, int, int]
    inverse_d2: Float[np.ndarray, "h k l"]


def box_to(cell: gemmi.UnitCell, resolution_A: float) -> Box:
    """The box of all indices to a resolution."""
    limits = limits_to(cell, resolution_A)
    return Box(cell, limits, inverse_d2(limits, np.array(cell.frac.mat.tolist())))


def limits_to(cell: gemmi.UnitCell, resolution_A: float) -> tuple[int, int, int]:
    """Largest index along each axis."""
    return math.floor(cell.a / resolution_A), math.floor(cell.b / resolution_A), math.floor(cell.c / resolution_A)


def grid_points(cell: gemmi.UnitCell, resolution_A: float) -> float:
    """Points of the grid that the density of atoms is put on."""
    return float(cell.volume * (2 * _RATE / min(resolution_A, _COARSEST_A)) ** 3)


class AtomDensity:
    """The density of the atoms of a structure on a grid.

    Args:
        structure: its first model, with the images of its cell set up.
        resolution_A: smallest spacing.
    """

    def __init__(self, structure: gemmi.Structure, resolution_A: float):
        self._structure = structure
        self._calculator = gemmi.DensityCalculatorX()
        # a coarser grid would lose accuracy at low angles
        self._calculator.d_min = min(resolution_A, _COARSEST_A)
        self._calculator.rate = _RATE
        self._calculator.cutoff = _CUTOFF
        self._calculator.set_refmac_compatible_blur(structure[0])
        self._calculator.grid.setup_from(structure)

    def of_electrons(self, box: Box) -> Complex[np.ndarray, "h k l"]:
        """Structure factors of all atoms with their X-ray form factors at rest, f0."""
        return self._coefficients(box, self._calculator.add_atom_density_to_grid)

    def of_unit(self, box: Box, element: gemmi.Element) -> Complex[np.ndarray, "h k l"]:
        """Structure factors of the atoms of one element, each with a form factor of one electron at all angles."""

        def add(atom: gemmi.Atom) -> None:
            if atom.element == element:
                self._calculator.add_c_contribution_to_grid(atom, 1.0)

        return self._coefficients(box, add)

    def _coefficients(self, box: Box, add: Callable[[gemmi.Atom], None]) -> Complex[np.ndarray, "h k l"]:
        calculator = self._calculator
        calculator.initialize_grid()
        for found in self._structure[0].all():
            add(found.atom)
        calculator.grid.symmetrize_sum()
        return _transform(calculator.grid.array, box) * np.exp(calculator.blur * box.inverse_d2 / 4)


def of_solvent(structure: gemmi.Structure, box: Box) -> Complex[np.ndarray, "h k l"]:
    """Fourier coefficients of a density of one electron per A^3 wherever no atom is."""
    mask = gemmi.FloatGrid()
    mask.setup_from(structure)
    # the border moves with the spacing: one spacing for all resolutions keeps low angles the same
    spacing_A = max(_MASK_SPACING_A, (structure.cell.volume / _LARGEST_MASK) ** (1 / 3))
    mask.set_size_from_spacing(spacing_A, gemmi.GridSizeRounding.Up)
    gemmi.SolventMasker(gemmi.AtomicRadiiSet.Cctbx).put_mask_on_float_grid(mask, structure[0])
    return _transform(mask.array, box)


def _transform(density: np.ndarray, box: Box) -> Complex[np.ndarray, "h k l"]:
    """Sum of density times exp(2 pi i h x) over a cell; 0 where the grid is too coarse to have it."""
    reached = [min(limit, (size - 1) // 2) for limit, size in zip(box.limits, density.shape, strict=True)]
    h, k = (np.arange(-reach, reach + 1) for reach in reached[:2])
    half = scipy.fft.rfftn(density)[np.ix_(h % density.shape[0], k % density.shape[1], np.arange(reached[2] + 1))]
    # of a real density, the coefficients of -h are the conjugate ones; the library's sign is that of -h
    whole = np.concatenate([half[::-1, ::-1, :0:-1].conj(), half], axis=2).conj()
    F = np.zeros(box.inverse_d2.shape, complex)
    places = (slice(limit - reach, limit + reach + 1) for limit, reach in zip(box.limits, reached, strict=True))
    F[tuple(places)] = whole * (box.cell.volume / density.size)
    return F
