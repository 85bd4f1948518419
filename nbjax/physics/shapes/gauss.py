"""Gaussian spots."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jax import Array
from jax.scipy.special import erf

from nbjax.constants import NANOBRAGG_GAUSS_WIDTH
from nbjax.numerics import Components, decay
from nbjax.physics.shapes.radial import Radial

_ROOT_PI = np.sqrt(np.pi)


@dataclass(frozen=True)
class Gauss(Radial):
    """Gaussian spots without side maxima: exp(-pi rho^2/2), whose square adds up to 1 over space."""

    def of_radius(self, radius_sq: Array, peak: Array, fudge: Array) -> Array:
        """See ``Radial.of_radius``."""
        width = 2 / np.pi if self.normalised else NANOBRAGG_GAUSS_WIDTH
        return peak * decay(fudge * radius_sq / width, peak.dtype)

    def share_in_cell(self, half_cells: Components) -> Array:
        """See ``Radial.share_in_cell``."""
        a, b, c = (erf(_ROOT_PI * half) for half in half_cells)
        return a * b * c
