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

from nbjax.errors import PrecisionWarning


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
            "that Miller indices are good to about 1e-5 and spot profiles of crystals of more than some 30 cells an "
            "axis are wrong; use precision 'single', `with jax.enable_x64(True):` or set JAX_ENABLE_X64=1",
            PrecisionWarning,
            stacklevel=3,
        )
        return Policy(jnp.float32, jnp.float32)
    return Policy(jnp.float64, jnp.float64 if name == "double" else jnp.float32)
