"""Which spots of a shot are looked at, and the pixels about them that belong to no other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

_NEAR_PX = 2.0
"""Closer spots share all of their pixels, and neither is looked at."""


@dataclass(frozen=True)
class Marks:
    """Spots, or places of what may disturb them.

    Attributes:
        hkl: Miller indices, shape (n, 3).
        panel: numbers of the panels.
        centre: (fast, slow) in pixels, shape (n, 2).
    """

    hkl: Int[np.ndarray, "n 3"]
    panel: Int[np.ndarray, " n"]
    centre: Float[np.ndarray, "n 2"]

    def __len__(self) -> int:
        return len(self.panel)

    def of(self, rows: np.ndarray) -> Marks:
        """Some of the rows."""
        return Marks(self.hkl[rows], self.panel[rows], self.centre[rows])


def joined(*parts: Marks) -> Marks:
    """All rows of several."""
    return Marks(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("hkl", "panel", "centre")))


def chosen_spots(observed: Marks, predicted: Marks, most: int) -> Marks:
    """The observed spots and, for the room that is left, others of the predicted ones, in their order.

    Where more are observed than there is room for, they are taken evenly.
    """
    if len(observed) > most:
        return observed.of(np.linspace(0, len(observed) - 1, most).round().astype(int))
    known = set(map(tuple, observed.hkl.tolist()))
    others = [row for row, hkl in enumerate(predicted.hkl.tolist()) if tuple(hkl) not in known]
    return joined(observed, predicted.of(np.array(others[: most - len(observed)], int)))


@dataclass(frozen=True)
class Shoeboxes:
    """Pixels about spots, with as many rows as there is room for.

    Attributes:
        rows: of the spots that have pixels; the first rows of the arrays.
        hkl, panel, corner: as of ``nbjax.refine.model.Shot``.
        data, valid, beside: likewise.
    """

    rows: Int[np.ndarray, " k"]
    hkl: Float[np.ndarray, "n 3"]
    panel: Int[np.ndarray, " n"]
    corner: Int[np.ndarray, "n 2"]
    data: Float[np.ndarray, "n s s"]
    valid: Float[np.ndarray, "n s s"]
    beside: Float[np.ndarray, "n s s"]


def cut(
    photons: Float[np.ndarray, "panel slow fast"],
    usable: Bool[np.ndarray, "panel slow fast"],
    spots: Marks,
    others: Marks,
    size: int,
    room: int,
    beside: Float[np.ndarray, "panel slow fast"] | None = None,
) -> Shoeboxes:
    """The shoeboxes of spots.

    A pixel that is nearer to another spot, or to one of the others, is left out; so is a spot whose middle has no
    pixel, or that has another one right beside it.

    Args:
        photons: of each pixel.
        usable: pixels that have a value.
        spots: in their order of importance.
        others: places of strong spots that are not looked at.
        size: edge of a box in pixels, odd.
        room: rows.
        beside: photons of other lattices; None: none are known.
    """
    around = joined(spots, others)
    span = np.arange(size)
    kept, corners, data, valid, known = [], [], [], [], []
    for row in range(len(spots)):
        panel, centre = spots.panel[row], spots.centre[row]
        corner = np.floor(centre).astype(int) - size // 2
        fast, slow = corner[0] + span, corner[1] + span
        inside = _within(slow, photons.shape[1])[:, None] & _within(fast, photons.shape[2])
        at = panel, slow.clip(0, photons.shape[1] - 1)[:, None], fast.clip(0, photons.shape[2] - 1)
        counts = inside & usable[at]
        apart = np.hypot(*(around.centre - centre).T)
        near = (around.panel == panel) & (apart < 1.5 * size)
        near[row] = False
        same = near & (apart < _NEAR_PX)
        counts &= _nearest(fast, slow, centre, around.centre[near & ~same])
        middle = counts[size // 2 - 1 : size // 2 + 2, size // 2 - 1 : size // 2 + 2]
        # one that was found and not indexed may be this one
        if middle.mean() < 0.5 or same[: len(spots)].any() or counts.sum() < 3 * size:
            continue
        kept.append(row)
        corners.append(corner)
        data.append(np.where(counts, photons[at], 0.0))
        valid.append(counts.astype(float))
        known.append(np.zeros(counts.shape) if beside is None else np.where(counts, beside[at], 0.0))
        if len(kept) == room:
            break
    rows = np.array(kept, int)
    full = len(rows), room
    return Shoeboxes(
        rows,
        _filled(spots.hkl[rows].astype(float), *full, 1.0),
        _filled(spots.panel[rows], *full, 0),
        _filled(np.array(corners, int).reshape(-1, 2), *full, 0),
        _filled(np.array(data).reshape(-1, size, size), *full, 0.0),
        _filled(np.array(valid).reshape(-1, size, size), *full, 0.0),
        _filled(np.array(known).reshape(-1, size, size), *full, 0.0),
    )


def _within(places: np.ndarray, count: int) -> Bool[np.ndarray, " s"]:
    return (places >= 0) & (places < count)


def _nearest(fast: np.ndarray, slow: np.ndarray, own: np.ndarray, others: np.ndarray) -> Bool[np.ndarray, "s s"]:
    """Pixels that are nearer to a spot than to any other."""

    def distance2(centre: np.ndarray) -> np.ndarray:
        return (fast + 0.5 - centre[..., 0, None, None]) ** 2 + (slow[:, None] + 0.5 - centre[..., 1, None, None]) ** 2

    if not len(others):
        return np.ones((len(slow), len(fast)), bool)
    nearest: np.ndarray = distance2(own) <= distance2(others).min(0)
    return nearest


def _filled(values: np.ndarray, count: int, room: int, value: int | float) -> np.ndarray:
    return np.concatenate([values, np.full((room - count, *values.shape[1:]), value, values.dtype)])
