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
    as_c = "shape_constants" in parity
    peak = whole if as_c else whole * fudge**0.75 / math.sqrt(_inside(shape, counts * math.sqrt(fudge)))
    if shape == "round":
        return peak * 0.723601254558268 * _sphere(math.pi * np.sqrt(radius * fudge))
    if "star_shape" in parity:
        radius = ((crystal.reciprocal.T @ delta) ** 2).sum(axis=0) * whole * whole
    if shape == "gauss":
        return peak * np.exp(-(radius * fudge) / (0.63 if as_c else 2 / math.pi))
    return peak * (radius * fudge < (0.3969 if as_c else (0.75 / math.pi) ** (2 / 3)))


def _inside(shape: str, width: np.ndarray) -> float:
    """The share of a spot in the box of these edges about it."""
    if shape == "gauss":
        return math.prod(math.erf(math.sqrt(math.pi) * edge / 2) for edge in width)
    if shape == "tophat":
        return _ball_in_box(*(float(edge) / 2 for edge in width))
    near = np.minimum(width, 8.4)
    return _fringes_in_box(near) + _fringes_outside(near) - _fringes_outside(width)


def _ball_in_box(a: float, b: float, c: float) -> float:
    """Volume of the ball of volume one inside a box of these half edges, by 32 layers."""
    at, weight = np.polynomial.legendre.leggauss(32)
    top = min(c, (0.75 / math.pi) ** (1 / 3))
    total = 0.0
    for z, w in zip((at + 1) * top / 2, weight * top / 2, strict=True):
        r = math.sqrt((0.75 / math.pi) ** (2 / 3) - z * z)
        x, y = min(a, r), min(b, r)
        area = x * y
        if x * x + y * y > r * r:
            # two triangles and the sector between them
            area = (x * math.sqrt(r * r - x * x) + y * math.sqrt(r * r - y * y)) / 2
            area += r * r * (math.asin(y / r) - math.acos(x / r)) / 2
        total += w * area
    return 8 * total


def _fringes_in_box(width: np.ndarray) -> float:
    """Integral of the squared transform of the sphere over a box, by twelve points along each half edge."""
    at, weight = np.polynomial.legendre.leggauss(12)
    points = [(at + 1) * edge / 4 for edge in width]
    radius = np.sqrt(sum(x**2 for x in np.meshgrid(*points, indexing="ij")))
    weights = weight[:, None, None] * weight[:, None] * weight
    return float((_sphere(math.pi * radius) ** 2 * weights).sum() * np.prod(width) / 8 * math.pi / 6)


def _fringes_outside(width: np.ndarray) -> float:
    return sum(_fringes_beyond(edge / 2, *np.delete(width, i) / edge) for i, edge in enumerate(width))


def _fringes_beyond(far: float, a: float, b: float) -> float:
    """Share of the sphere's fringes beyond two opposite faces, `far` from the peak, with edges 2 a far and 2 b far."""
    p, q, r = 1 / math.hypot(1, a), 1 / math.hypot(1, b), 1 / (1 + a * a + b * b)
    x, y = math.atan(b * p), math.atan(a * q)
    fourth = 2 * (a * p * x + b * q * y)
    sixth = a * p * x + b * q * y + (a * p**3 * x + b * q**3 * y + a * b * r * (p * p + q * q)) / 2
    steady = fourth / far / math.pi**4 + sixth / far**3 / (3 * math.pi**6)
    swinging = math.cos(2 * math.pi * far) / (2 * math.pi**5 * far**3)
    return 1.5 * math.pi * (steady - swinging)


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
