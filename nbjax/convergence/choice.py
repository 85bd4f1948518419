"""The pixels that stand for an image: its brightest spots, and some of the others for the total."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.ndimage import label

from nbjax.convergence.change import PixelList

_SPOTS = 20
_FAINTEST = 0.05
"""Spots whose brightest pixel has less of the image's brightest are not looked for."""
_EDGE = 0.1
"""Pixels of a spot have so much of its brightest, and are connected with it."""
_REACH = 6
"""Pixels from the brightest of a spot to the furthest edge of its box."""
_OTHERS = 600
_SEED = 20


def choose_pixels(image: Float[np.ndarray, "*image"], shown: Bool[np.ndarray, "*image"]) -> PixelList:
    """Boxes about the brightest spots, and others that are drawn, always the same.

    Half of the draws are uniform and half follow the intensity, each with the weight that makes the sum of all an
    unbiased estimate of the total.

    Args:
        image: photons, shape (slow, fast) or (panel, slow, fast); not all zero.
        shown: which pixels have a value.
    """
    panels = np.where(shown, image, 0.0).reshape(-1, *image.shape[-2:])
    spot = _spots(panels)
    spot[~shown.reshape(spot.shape)] = -1
    boxed = np.argwhere(spot >= 0)
    drawn, weights = _drawn(panels, shown.reshape(spot.shape) & (spot < 0))
    at = np.concatenate([boxed, drawn])
    return PixelList(
        at if image.ndim == 3 else at[:, 1:],
        spot[tuple(at.T)],
        np.concatenate([np.ones(len(boxed)), weights]),
    )


def _spots(panels: Float[np.ndarray, "panels slow fast"]) -> Int[np.ndarray, "panels slow fast"]:
    """The number of the spot in whose box each pixel is, -1 in none; the brightest is 0."""
    spot = np.full(panels.shape, -1)
    free = panels.copy()
    for number in range(_SPOTS):
        panel, slow, fast = (int(i) for i in np.unravel_index(int(free.argmax()), free.shape))
        peak = free[panel, slow, fast]
        if peak <= 0 or peak < _FAINTEST * panels.max():
            break
        first = max(slow - _REACH, 0), max(fast - _REACH, 0)
        window = free[panel, first[0] : slow + _REACH + 1, first[1] : fast + _REACH + 1]
        regions, _ = label(window >= _EDGE * peak, np.ones((3, 3)))
        own = np.argwhere(regions == regions[slow - first[0], fast - first[1]])
        # one pixel more on each side
        low = np.maximum(own.min(axis=0) - 1 + first, 0)
        high = own.max(axis=0) + 2 + first
        box = panel, slice(low[0], high[0]), slice(low[1], high[1])
        spot[box] = np.where(spot[box] < 0, number, spot[box])
        free[box] = 0.0
    return spot


def _drawn(
    panels: Float[np.ndarray, "panels slow fast"], others: Bool[np.ndarray, "panels slow fast"]
) -> tuple[Int[np.ndarray, "n 3"], Float[np.ndarray, " n"]]:
    """Pixels outside of the boxes, and their weights."""
    at = np.argwhere(others)
    if len(at) <= _OTHERS:
        return at, np.ones(len(at))
    bright = panels[others]
    uniform = np.full(len(at), 1 / len(at))
    chance = (uniform + bright / bright.sum()) / 2 if bright.sum() > 0 else uniform
    # evenly spaced places on the sum of the chances, which draw each pixel as often as it should be, or once more
    places = (np.arange(_OTHERS) + np.random.Generator(np.random.Philox(_SEED)).random()) / _OTHERS
    numbers = np.minimum(np.searchsorted(np.cumsum(chance), places, side="right"), len(at) - 1)
    chosen, times = np.unique(numbers, return_counts=True)
    return at[chosen], times / (_OTHERS * chance[chosen])
