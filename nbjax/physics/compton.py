"""Scattering of photons by free electrons."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from nbjax.constants import COMPTON_WAVELENGTH_M

_LEAST_POLARIZATION = 1e-9
"""What stands in the place of the polarization factor along the electric vector."""


def compton_ratio(stol_per_m: Array, wavelength_m: Array, polarization: Array) -> Array:
    """Photons that a free electron scatters by Klein and Nishina, over those by Thomson with the polarization factor.

    With k = 1 / (1 + (1 - cos 2 theta) lambda_C / lambda) it is k^2 (P + (k + 1/k - 2) / 2) / P.

    Args:
        stol_per_m: sin(theta) / wavelength.
        wavelength_m: of the incident photons.
        polarization: P, the polarization factor.
    """
    # 1 - cos 2 theta = 2 sin^2 theta
    loss = 2 * jnp.square(stol_per_m * wavelength_m) * (COMPTON_WAVELENGTH_M / wavelength_m)
    kept = 1 / (1 + loss)
    # k + 1/k - 2 without the difference of near numbers
    extra = 0.5 * loss * loss * kept
    return kept * kept * (1 + extra / jnp.maximum(polarization, _LEAST_POLARIZATION))
