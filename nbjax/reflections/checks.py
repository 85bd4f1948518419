"""A list of structure factors against the cell: what it leaves out, and what cannot be in it."""

from __future__ import annotations

import math

import numpy as np

_FEW = 100
"""Lists of fewer reflections are made by hand and mean what they say."""
_SMALLEST_A = 0.1
"""No crystal scatters X-rays to a smaller spacing."""
_WHOLE = 0.9
_CENTRINGS = (0.25, 1 / 3, 0.5, 1.0)
"""Parts of all indices that a centred lattice may leave, F, R, C or I, and P."""
_WILSON_BETWEEN = 1.75
"""Mean square over squared mean: amplitudes 1.27 (centric 1.57), intensities 2 (centric 3)."""
_SHELL = 200


def check_range(miller: np.ndarray, reciprocal_per_A: np.ndarray, wavelength_A: float) -> tuple[str | None, str | None]:
    """Whether an index is far from all others, and from what the wavelength reaches.

    Args:
        miller: indices, shape (n, 3).
        reciprocal_per_A: a*, b*, c* as rows in 1/Angstrom.
        wavelength_A: of the beam.

    Returns:
        What is wrong with the list, and what is odd; None for nothing.
    """
    inverse_d = np.linalg.norm(miller @ reciprocal_per_A, axis=1)
    farthest = int(np.argmax(inverse_d))
    usual = float(np.quantile(inverse_d, 0.99)) if len(miller) >= _FEW else inverse_d[farthest]
    is_stray = inverse_d[farthest] > 2 * usual
    spacing_A = 1 / max(float(inverse_d[farthest]), 1e-300)
    named = (
        f"index {_shown(miller[farthest])} (reflection {farthest + 1} of the list) has a spacing of {spacing_A:.2g} A"
    )
    if spacing_A < _SMALLEST_A or (is_stray and spacing_A < wavelength_A / 2):
        remedy = "correct or remove it: columns may be fused, or the cell another"
        return f"{named}, which nothing scatters to; {remedy}", None
    return None, f"{named}, far beyond the others ({1 / usual:.2g} A)" if is_stray else None


def check_listed(miller: np.ndarray, F: np.ndarray, reciprocal_per_A: np.ndarray) -> tuple[str, ...]:
    """What is probably not meant in a list that gives what it lists and nothing else.

    Args:
        miller: indices, shape (n, 3).
        F: amplitudes, shape (n,).
        reciprocal_per_A: a*, b*, c* as rows in 1/Angstrom.
    """
    found = []
    inverse_d = np.linalg.norm(miller @ reciprocal_per_A, axis=1)
    size = 2 * np.abs(miller).max(axis=0).astype(np.int64) + 1
    place = np.ravel_multi_index(tuple((miller + size // 2).T), tuple(size))
    listed, first, counts = np.unique(place, return_index=True, return_counts=True)
    repeated = int((counts > 1).sum())
    if repeated:
        index = _shown(miller[first[np.argmax(counts)]])
        found.append(
            f"{repeated} indices are listed more than once, such as {index}; the last amplitude of each counts"
        )
    negative = int((F < 0).sum())
    if negative:
        found.append(
            f"{negative} amplitudes are negative, which count like positive ones; if the list holds intensities, give "
            "their square roots"
        )
    elif are_intensities(F, inverse_d):
        found.append("its numbers are spread like intensities; if they are, give their square roots")
    if len(listed) >= _FEW:
        said = _incompleteness(miller[first], inverse_d[first], listed, int(np.prod(size)), reciprocal_per_A)
        found += [] if said is None else [said]
    return tuple(found)


def are_intensities(F: np.ndarray, inverse_d: np.ndarray) -> bool:
    """Whether numbers called amplitudes are spread, in shells of resolution, like intensities."""
    kept = F > 0
    shells = int(kept.sum()) // _SHELL
    if shells < 2:
        return False
    ordered = F[kept][np.argsort(inverse_d[kept])][: shells * _SHELL].reshape(shells, _SHELL)
    return bool(np.median((ordered**2).mean(axis=1) / ordered.mean(axis=1) ** 2) > _WILSON_BETWEEN)


def _incompleteness(
    miller: np.ndarray, inverse_d: np.ndarray, listed: np.ndarray, indices: int, reciprocal_per_A: np.ndarray
) -> str | None:
    """Compare a list without repeats with the sphere of all indices to its own resolution."""
    radius = float(np.quantile(inverse_d, 0.995))
    inside = inverse_d <= radius
    possible = 4 / 3 * math.pi * radius**3 / abs(float(np.linalg.det(reciprocal_per_A)))
    share = float(inside.sum()) / possible
    densest = _densest_octant(miller[inside], radius, possible, reciprocal_per_A)
    # the place of -h -k -l in the symmetric box counts from its other end
    mates = float(np.isin(indices - 1 - listed, listed).mean())
    filled = min(1.0, share / densest)
    to = f"to {1 / radius:.3g} A"
    if mates < 0.5 and filled > 0.4:
        return (
            f"lists one Friedel half of the sphere {to}; the other half of the spots will be missing: add -h -k -l of "
            "every reflection"
        )
    if filled < _WHOLE:
        return (
            f"fills about {100 * filled:.0f} % of the sphere of indices {to}, as an asymmetric unit does; the other "
            "spots will be missing: give it as crystal.reflections_file with its crystal.space_group"
        )
    whole = next((part for part in _CENTRINGS if share <= 1.05 * part), 1.0)
    if share < _WHOLE * whole:
        return f"lists {100 * share / whole:.0f} % of the reflections {to}; the others are default_F"
    return None


def _densest_octant(miller: np.ndarray, radius: float, possible: float, reciprocal_per_A: np.ndarray) -> float:
    """Listed part of the possible indices in that octant of signs where it is largest."""
    points = np.random.default_rng(1).normal(size=(40_000, 3))
    points *= (
        radius
        * np.random.default_rng(2).uniform(size=(len(points), 1)) ** (1 / 3)
        / np.linalg.norm(points, axis=1, keepdims=True)
    )
    everywhere = _octants(np.rint(points @ np.linalg.inv(reciprocal_per_A))) / len(points) * possible
    return float((_octants(miller) / np.maximum(everywhere, 1.0)).max()) or 1.0


def _octants(miller: np.ndarray) -> np.ndarray:
    general = miller[(miller != 0).all(axis=1)]
    return np.bincount((general > 0) @ np.array([1, 2, 4]), minlength=8).astype(float)


def _shown(index: np.ndarray) -> str:
    return " ".join(map(str, index))
