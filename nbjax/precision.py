"""Floating-point policy: which arithmetic each part of the pipeline uses.

``double`` does everything in 64 bits. ``mixed`` keeps positions, scattering vectors and Miller indices in 64 bits,
reduces each index exactly to its distance from the nearest integer, and carries lattice and structure factors in 32
bits; sums over samples are taken in 64 bits. ``single`` uses no 64-bit float at all: what is 64-bit in ``mixed`` up to
the distance from the nearest integer is a pair of 32-bit floats there (``nbjax.pairs``), and everything else 32 bits.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from nbjax.errors import ConfigError, Fault, PrecisionWarning

_LOST = 5e-7
"""Error of plain 32 bits for each wavelength of the crystal's length, as a part of the brightest pixel: a rounded
direction turns the phases of the crystal's far end by so much. Gradients lose about the same.
"""

_MOST_LOST = 0.05
_MOST_CELLS = 200
"""Along an axis, up to which ``single`` is good to 1e-4: distances from Bragg peaks end at 1e-7 there ..."""
_AS_GOOD_AS_A_CELL = 2000
"""... and each of so many wavelengths of the crystal's length adds as much as a cell, for the index ends at 36 bits."""

_SWITCH = "set jax_enable_x64 (JAX_ENABLE_X64=1, or `with jax.enable_x64(True):`)"
_REMEDY = f'{_SWITCH} or precision = "single"'


@dataclass(frozen=True)
class Policy:
    """Data types of the pipeline.

    Attributes:
        geometry: type of positions, Miller indices and sums.
        intensity: type of lattice and structure factors.
    """

    geometry: Any
    intensity: Any


def policy(name: str) -> Policy:
    """Data types of the policy ``name`` ("double", "mixed" or "single") under the present JAX configuration.

    Without ``jax_enable_x64`` the first two fall back to 32 bits, and a ``PrecisionWarning`` says what that loses.
    """
    if name == "single":
        return Policy(jnp.float32, jnp.float32)
    if not jax.config.read("jax_enable_x64"):
        warnings.warn(
            f"precision {name!r} needs 64-bit floats, which JAX has switched off: geometry is carried in 32 bits, so "
            f"that pixels and gradients are off by {_LOST:.0e} of the brightest for each wavelength of the crystal's "
            f"length; {_REMEDY}",
            PrecisionWarning,
            stacklevel=3,
        )
        return Policy(jnp.float32, jnp.float32)
    return Policy(jnp.float64, jnp.float64 if name == "double" else jnp.float32)


def check(name: str, cells: float, wavelengths: float) -> None:
    """Refuse a crystal whose image and gradients the present JAX configuration cannot carry, or warn.

    Args:
        name: of the policy.
        cells: number along the longest axis.
        wavelengths: length of the crystal along its longest axis, in wavelengths: N times the cell over lambda, which
            is half of N times the largest Miller index.

    Raises:
        ConfigError: 64-bit floats are needed and switched off, and 32 bits would leave nothing of the spots.
    """
    if name == "single" and cells + wavelengths / _AS_GOOD_AS_A_CELL > _MOST_CELLS:
        warnings.warn(
            f"precision 'single' is good to 1e-4 of the brightest pixel while the cells along an axis and a "
            f"{_AS_GOOD_AS_A_CELL}th of the crystal's length in wavelengths add up to no more than {_MOST_CELLS}; this "
            f'crystal has {cells:g} cells and is {wavelengths:.3g} wavelengths long; use "mixed" or "double"',
            PrecisionWarning,
            stacklevel=4,
        )
    if name != "single" and not jax.config.read("jax_enable_x64") and _LOST * wavelengths > _MOST_LOST:
        problem = (
            f"got {name!r}, but JAX has 64-bit floats switched off, and 32 bits leave little of the spots of a crystal "
            f"{wavelengths:.1e} wavelengths long, and less of their gradients; {_REMEDY}"
        )
        raise ConfigError([Fault("precision", problem)])


def check_closed(name: str) -> None:
    """Refuse closed crystals without 64-bit floats: inverse squared lengths in m do not fit into 32 bits.

    Args:
        name: of the policy.

    Raises:
        ConfigError: 64-bit floats are switched off in JAX.
    """
    if not jax.config.read("jax_enable_x64"):
        problem = (
            f'got {name!r}, but JAX has 64-bit floats switched off, which crystal.model = "closed" needs; {_SWITCH}'
        )
        raise ConfigError([Fault("precision", problem)])
