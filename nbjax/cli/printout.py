"""Pixel values on stdout."""

from __future__ import annotations

import numpy as np

from nbjax.errors import ConfigError, Fault
from nbjax.resolve import Resolved

Pixel = tuple[int, int]
"""(fast, slow)."""


def check_pixel(pixel: Pixel | None, resolved: Resolved) -> None:
    """Make sure that a pixel to print, if one is named, is on the detector.

    Raises:
        ConfigError: it is not.
    """
    fast, slow = resolved.detector.pixels_fast, resolved.detector.pixels_slow
    if pixel is not None and not (0 <= pixel[0] < fast and 0 <= pixel[1] < slow):
        valid = f"fast 0 to {fast - 1} and slow 0 to {slow - 1}"
        problem = f"{pixel[0]} {pixel[1]} (fast slow) lies outside the image; give {valid}"
        raise ConfigError([Fault("-printout_pixel", problem)])


def print_pixels(pixel: Pixel | None, roi: tuple[int, int, int, int] | None, photons: np.ndarray) -> None:
    """Print one pixel, or those of the region of interest: fast, slow, photons.

    Args:
        pixel: the one pixel to print.
        roi: fast first, fast last, slow first, slow last; all pixels by default.
        photons: shape (slow, fast).
    """
    slow, fast = photons.shape
    f0, f1, s0, s1 = roi or (0, fast - 1, 0, slow - 1)
    if pixel is not None:
        f0, f1, s0, s1 = pixel[0], pixel[0], pixel[1], pixel[1]
    print("fast slow photons")
    for s in range(s0, min(s1, slow - 1) + 1):
        for f in range(f0, min(f1, fast - 1) + 1):
            print(f"{f} {s} {photons[s, f]:.10g}")
