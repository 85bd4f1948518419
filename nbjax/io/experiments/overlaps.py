"""Panels that lie on each other in space."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nbjax.io.experiments.recorded import RecordedPanel

_TOUCHING_MM = 1e-6


def overlapping(panels: Sequence[RecordedPanel]) -> list[tuple[int, int]]:
    """Pairs of panels that share more than a pixel of their width and height, and lie within a pixel of each other.

    Boxes of a pixel's height are compared, each smaller by half a pixel all round: two boxes are apart where one of 15
    axes separates them (Gottschalk, Lin and Manocha, Proc. SIGGRAPH 1996, 171-180).

    Args:
        panels: with finite corners and axes that are not parallel.
    """
    if len(panels) < 2:
        return []
    middles = np.stack([panel.middle_mm for panel in panels])
    axes = np.stack([_axes(panel) for panel in panels])
    halves = np.stack([_halves_mm(panel) for panel in panels])
    radii = np.linalg.norm(halves, axis=1)
    first, second = np.triu_indices(len(panels), 1)
    near = np.linalg.norm(middles[first] - middles[second], axis=1) < radii[first] + radii[second]
    first, second = first[near], second[near]
    apart = _apart(middles[second] - middles[first], axes[first], axes[second], halves[first], halves[second])
    return [(int(a), int(b)) for a, b in zip(first[~apart], second[~apart], strict=True)]


def _axes(panel: RecordedPanel) -> np.ndarray:
    """Axes of a box as columns, the last one across the panel."""
    fast, slow = panel.unit_axes
    normal = np.cross(fast, slow)
    normal /= np.linalg.norm(normal)
    return np.stack([fast, np.cross(normal, fast), normal], axis=1)


def _halves_mm(panel: RecordedPanel) -> np.ndarray:
    """Half of the edges of a box."""
    (width, height), (fast, slow) = panel.size_mm, panel.pixel_mm
    return np.array([(width - fast) / 2, (height - slow) / 2, min(fast, slow) / 2])


def _apart(between: np.ndarray, mine: np.ndarray, theirs: np.ndarray, e: np.ndarray, f: np.ndarray) -> np.ndarray:
    """Whether an axis separates two boxes, for each pair.

    Args:
        between: from the middle of the one to that of the other, shape (pairs, 3).
        mine, theirs: axes of each as columns, shape (pairs, 3, 3).
        e, f: half of their edges, shape (pairs, 3).
    """
    turn = np.swapaxes(mine, 1, 2) @ theirs
    size = np.abs(turn) + 1e-12
    t = np.einsum("pji,pj->pi", mine, between)
    apart = (np.abs(t) > e + np.einsum("pij,pj->pi", size, f) - _TOUCHING_MM).any(axis=1)
    across = np.einsum("pij,pi->pj", turn, t)
    apart |= (np.abs(across) > f + np.einsum("pij,pi->pj", size, e) - _TOUCHING_MM).any(axis=1)
    for i in range(3):
        i1, i2 = (i + 1) % 3, (i + 2) % 3
        for j in range(3):
            j1, j2 = (j + 1) % 3, (j + 2) % 3
            reach = e[:, i1] * size[:, i2, j] + e[:, i2] * size[:, i1, j]
            reach = reach + f[:, j1] * size[:, i, j2] + f[:, j2] * size[:, i, j1]
            apart |= np.abs(t[:, i2] * turn[:, i1, j] - t[:, i1] * turn[:, i2, j]) > reach
    return apart
