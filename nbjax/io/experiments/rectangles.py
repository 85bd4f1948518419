"""Bad pixels as rectangles, for formats that have no masks."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool

Rectangle = tuple[int, int, int, int]
"""First pixel and past-last pixel: (left, top, right, bottom), left and right along fast."""


def rectangles(bad: Bool[np.ndarray, "slow fast"]) -> list[Rectangle]:
    """Rectangles that share no pixel and together hold every bad one: rows of the same runs are taken together."""
    found: list[Rectangle] = []
    open_runs: dict[tuple[int, int], int] = {}
    padded = np.pad(bad, ((0, 1), (1, 1)))
    changes = np.diff(padded.astype(np.int8), axis=1)
    # only rows that differ from the one before can begin or end a rectangle
    different = np.flatnonzero((padded[1:] != padded[:-1]).any(axis=1)) + 1
    for row in [0, *different]:
        starts, stops = (np.flatnonzero(changes[row] == step) for step in (1, -1))
        runs = {(int(start), int(stop)) for start, stop in zip(starts, stops, strict=True)}
        for run in [run for run in open_runs if run not in runs]:
            found.append((run[0], open_runs.pop(run), run[1], int(row)))
        for run in runs:
            open_runs.setdefault(run, int(row))
    return sorted(found, key=lambda rectangle: (rectangle[1], rectangle[0]))
