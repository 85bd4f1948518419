"""Lattice factor and structure factor of samples with given fractional indices."""

from __future__ import annotations

import math

import numpy as np

from .experiment import Crystal, Experiment, Structure
from .options import Parity

Triple = np.ndarray  # (3, n): fractional or whole h, k, l of n samples


def nearest(hkl: Triple) -> Triple:
    """Whole indices, halves rounded down."""
    return np.ceil(hkl - 0.5)


def _grating(delta: np.ndarray, count: float) -> np.ndarray:
    below = np.sin(math.pi * delta)
    return np.where(below == 0.0, count, np.sin(math.pi * count * delta) / np.where(below == 0.0, 1.0, below))


def _sphere(x: np.ndarray) -> np.ndarray:
    safe = np.where(x < 1e-2, 1.0, x)
    series = 1.0 - x * x / 10.0 + x**4 / 280.0
    return np.where(x < 1e-2, series, 3.0 * (np.sin(safe) / safe - np.cos(safe)) / (safe * safe))


def lattice_factor(crystal: Crystal, shape: str, fudge: float, hkl: Triple, parity: Parity) -> np.ndarray:
    """F_latt up to its sign; `star_shape` measures the distance in (reciprocal Angstrom)^2 times (Na Nb Nc)^2."""
    delta = hkl - nearest(hkl)
    counts = crystal.n_cells
    whole = float(np.prod(counts))
    if shape == "square":
        factor = np.ones(hkl.shape[1])
        for axis in range(3):
            if counts[axis] > 1:
                factor = factor * _grating(delta[axis], counts[axis])
        return factor
    radius = ((delta * counts[:, None]) ** 2).sum(axis=0)
    if shape == "round":
        return whole * 0.723601254558268 * _sphere(math.pi * np.sqrt(radius * fudge))
    if "star_shape" in parity:
        radius = ((crystal.reciprocal.T @ delta) ** 2).sum(axis=0) * whole * whole
    if shape == "gauss":
        return whole * np.exp(-(radius / 0.63 * fudge))
    return whole * (radius * fudge < 0.3969)


def nearest_amplitude(structure: Structure, hkl: Triple) -> np.ndarray:
    """F_cell of the nearest whole indices."""
    if structure.table is None:
        return np.full(hkl.shape[1], structure.default)
    index = nearest(hkl).astype(int) - structure.low[:, None]
    size = np.array(structure.table.shape)[:, None]
    inside = np.all((index >= 0) & (index < size), axis=0)
    at = np.where(inside, index, 0)
    return np.where(inside, structure.table[at[0], at[1], at[2]], structure.default)


def leaves(structure: Structure, hkl: Triple, reference_rule: bool) -> np.ndarray:
    """Whether interpolation is refused: the reference's rule, or the 4x4x4 neighbourhood not inside the table."""
    low, high = structure.low[:, None], structure.high[:, None]
    if reference_rule:
        return np.any((hkl - low + 3 > high - low + 1) | (hkl - 2 < low), axis=0)
    floor = np.floor(hkl)
    return np.any((floor - 1 < low) | (floor + 2 > high), axis=0)


def interpolated_amplitude(structure: Structure, hkl: Triple) -> np.ndarray:
    """F_cell by tricubic Lagrange interpolation; meaningless where the neighbourhood leaves the table."""
    floor = np.floor(hkl)
    x = hkl - floor
    weights = np.stack(
        [
            x * (x - 1) * (x - 2) / -6.0,
            (x + 1) * (x - 1) * (x - 2) / 2.0,
            (x + 1) * x * (x - 2) / -2.0,
            (x + 1) * x * (x - 1) / 6.0,
        ]
    )
    size = np.array(structure.table.shape)[:, None]
    base = floor.astype(int) - 1 - structure.low[:, None]
    index = np.clip(base[None] + np.arange(4)[:, None, None], 0, size[None] - 1)
    total = np.zeros(hkl.shape[1])
    for i in range(4):
        for j in range(4):
            for k in range(4):
                values = structure.table[index[i, 0], index[j, 1], index[k, 2]]
                total += weights[i, 0] * weights[j, 1] * weights[k, 2] * values
    return total


def amplitude(ex: Experiment, hkl: Triple, parity: Parity, latched: np.ndarray) -> np.ndarray:
    """F_cell per sample; `latched` marks the samples after which the reference no longer interpolates."""
    structure = ex.structure
    if not ex.interpolate:
        return nearest_amplitude(structure, hkl)
    smooth = interpolated_amplitude(structure, hkl)
    if "interpolation_latch" in parity:
        return np.where(latched, nearest_amplitude(structure, hkl), smooth)
    return np.where(leaves(structure, hkl, reference_rule=False), structure.default, smooth)
