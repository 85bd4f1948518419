"""The table of a material with rings of grains, as wide as an instrument makes them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from nbjax.materials.material import GRID_PER_A, Material

_SCHERRER, _FWHM = 0.9, math.sqrt(8 * math.log(2))
_STEPS, _CUT, _MOST = 2.5, 6.0, 50_001
"""Places of a table in the width that grains give, standard deviations that a ring reaches, and most places."""


@dataclass(frozen=True)
class Blur:
    """What makes rings wide.

    Attributes:
        grain_A: size of the grains.
        wavelength_A: central one.
        bandwidth: relative standard deviation of the wavelengths.
        direction_rad: standard deviation of the sources' directions about each axis.
        pixel: standard deviation of places in a pixel, over the distance of the panel.
    """

    grain_A: float
    wavelength_A: float
    bandwidth: float
    direction_rad: float
    pixel: float

    @property
    def of_grain(self) -> float:
        """Standard deviation that the grains alone give a ring, by Scherrer, in sin(theta) / wavelength."""
        return 0.5 * _SCHERRER / self.grain_A / _FWHM

    def sigmas_of(self, stol_per_A: Float[np.ndarray, " rings"]) -> Float[np.ndarray, " rings"]:
        """Standard deviations of rings in sin(theta) / wavelength."""
        sine = np.clip(stol_per_A * self.wavelength_A, 0.0, 1.0)
        cosine = np.sqrt(1 - sine**2)
        from_angle = 0.5 * cosine / self.wavelength_A
        on_panel = self.pixel * (1 - 2 * sine**2) ** 2
        angles = from_angle * np.hypot(self.direction_rad, on_panel)
        return np.sqrt(self.of_grain**2 + (self.bandwidth * stol_per_A) ** 2 + angles**2)


def with_rings(material: Material, blur: Blur) -> tuple[Float[np.ndarray, " places"], Float[np.ndarray, " places"]]:
    """Places in sin(theta) / wavelength, evenly spaced, and electrons squared of a molecule there."""
    if material.lines is None:
        return GRID_PER_A, material.electrons_squared
    stols, strengths = material.lines.stol_per_A, material.lines.strengths
    # as many for every instrument, so that their experiments are of one structure
    count = min(_MOST, math.ceil(_STEPS * GRID_PER_A[-1] / blur.of_grain) + 1)
    places = np.linspace(0.0, GRID_PER_A[-1], count)
    sigmas = np.maximum(blur.sigmas_of(stols), (places[1] - places[0]) / _STEPS)
    found = np.interp(places, GRID_PER_A, material.electrons_squared)
    for stol, strength, sigma in zip(stols, strengths, sigmas, strict=True):
        first, last = np.searchsorted(places, (stol - _CUT * sigma, stol + _CUT * sigma))
        away = (places[first:last] - stol) / sigma
        found[first:last] += strength / (math.sqrt(2 * math.pi) * sigma) * np.exp(-0.5 * away**2)
    return places, found
