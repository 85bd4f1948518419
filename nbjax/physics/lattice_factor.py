"""The lattice factor: Fourier transform of a finite crystal's lattice near a Bragg peak.

Every form depends on the Miller indices only through their distance delta from the nearest integers and the number
of cells N along each axis. The product of ``axis_factors`` is the exact sum over a parallelepiped, up to a sign that
the intensity does not see; the others are the shapes of nanoBragg and simtbx in index space.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from nbjax.constants import GAUSS_WIDTH, SPHERE_CUBE_RATIO, TOPHAT_RADIUS_SQUARED
from nbjax.numerics import Components, grating, sphere_transform


def radius_squared(delta: Components, cells: Float[Array, "3"]) -> Array:
    """Sum of (delta_i N_i)^2: squared distance from the Bragg peak in units of its width."""
    h, k, l = delta[0] * cells[0], delta[1] * cells[1], delta[2] * cells[2]  # noqa: E741
    return h * h + k * k + l * l


def axis_factors(delta: Components, cells: Float[Array, "3"], dtype: Any) -> Components:
    """sin(pi N delta)/sin(pi delta) of each axis in ``dtype``, up to a sign."""
    h, k, l = (grating(d, n, dtype) for d, n in zip(delta, cells, strict=True))  # noqa: E741
    return h, k, l


def axis_signs(index: Components, cells: Float[Array, "3"]) -> Components:
    """Signs that ``axis_factors`` leaves out: (-1)^(h0 (N - 1)) at the whole Miller indices h0."""
    h, k, l = (1 - 2 * jnp.mod(i * (jnp.round(n) - 1), 2) for i, n in zip(index, cells, strict=True))  # noqa: E741
    return h, k, l


def round_(radius_sq: Array, cells: Float[Array, "3"], fudge: Float[Array, ""]) -> Array:
    """Ellipsoid, as the transform of a sphere in index space."""
    return jnp.prod(cells) * SPHERE_CUBE_RATIO * sphere_transform(jnp.pi**2 * fudge * radius_sq)


def gauss(radius_sq: Array, cells: Float[Array, "3"], fudge: Float[Array, ""]) -> Array:
    """Gaussian spots without side maxima."""
    return jnp.prod(cells) * jnp.exp(-fudge * radius_sq / GAUSS_WIDTH)


def tophat(radius_sq: Array, cells: Float[Array, "3"], fudge: Float[Array, ""]) -> Array:
    """Flat spots with a sharp edge."""
    return jnp.where(fudge * radius_sq < TOPHAT_RADIUS_SQUARED, jnp.prod(cells), 0.0)


RADIAL: dict[str, Callable[[Array, Array, Array], Array]] = {"round": round_, "gauss": gauss, "tophat": tophat}
"""Shapes that depend on the radius alone."""
