"""Spectra by formula: offsets from the central wavelength, relative to it, with their intensities."""

from __future__ import annotations

import math
import zlib

import numpy as np
from jaxtyping import Float

_REACH, _REACH_OF_SPIKES = 2.5, 1.5
"""Full widths at half maximum on either side up to which a Gaussian, and an envelope of spikes, are sampled; of the
variance of the first 1e-7 lies further out, of the second 5e-3.
"""
_NO_WAVE = 0.9
"""Relative offset that no wavelength has, as it would come near zero."""
_FINE = 10000
FULL_WIDTHS = 2 * math.sqrt(2 * math.log(2))
"""Full width at half maximum of a Gaussian of standard deviation one."""
_IN_SPIKE = 4
"""Points in the width of a spike."""

Offsets = Float[np.ndarray, " n"]
Intensities = Float[np.ndarray, " n"]


def gaussian(offsets: Offsets) -> Intensities:
    """Height at offsets in full widths at half maximum; one at the centre."""
    return np.exp2(-4.0 * offsets**2)


def gaussian_band(width: float) -> tuple[Offsets, Intensities]:
    """A finely sampled Gaussian in units of its full width at half maximum, which is relative to the wavelength."""
    reach = min(_REACH, _NO_WAVE / width)
    offsets = np.linspace(-reach, reach, _FINE + 1)
    return offsets, gaussian(offsets)


def gaussian_nodes(count: int) -> tuple[Offsets, Intensities]:
    """Points and weights of a Gaussian in units of its full width at half maximum, by Gauss and Hermite.

    Moments up to 2 count - 1 are those of the Gaussian; the weights sum to one.
    """
    nodes, weights = np.polynomial.hermite.hermgauss(count)
    # exp(-x^2) has half its height at sqrt(ln 2)
    return nodes / (2 * math.sqrt(math.log(2))), weights / weights.sum()


def sase_points(band: float, spike: float) -> int:
    """Points of a spectrum by ``sase``."""
    return 2 * math.ceil(_REACH_OF_SPIKES * band * _IN_SPIKE / spike) + 1


def sase(seed: int, band: float, spike: float) -> tuple[Offsets, Intensities]:
    """One shot of a laser that starts from noise: spikes under a Gaussian envelope.

    The field is complex Gaussian noise (chaotic light: Saldin, Schneidmiller and Yurkov, Opt. Commun. 148, 383, 1998),
    correlated over the width of a spike. At each wavelength the intensity over that of the envelope has an exponential
    distribution of mean one; its autocovariance is a Gaussian. Mean over shots is the envelope, which is one at the
    centre.

    Args:
        seed: of the shot.
        band: full width at half maximum of the envelope, relative to the wavelength.
        spike: of the autocovariance of the intensity, which is the mean shape of a strong spike.
    """
    step, half = spike / _IN_SPIKE, sase_points(band, spike) // 2
    offsets = step * np.arange(-half, half + 1)
    # noise that a Gaussian smears: the square of the field's correlation is as wide as the Gaussian itself
    smear = gaussian(np.arange(-2 * _IN_SPIKE, 2 * _IN_SPIKE + 1) / _IN_SPIKE)
    smear /= np.sqrt((smear**2).sum())
    stream = np.random.Generator(np.random.Philox(key=[seed, zlib.crc32(b"spectrum")]))
    real, imaginary = stream.standard_normal((2, len(offsets) + len(smear) - 1)) * math.sqrt(0.5)
    field = np.convolve(real + 1j * imaginary, smear, "valid")
    return offsets, gaussian(offsets / band) * np.abs(field) ** 2
