"""The lattice factor: Fourier transform of a finite crystal's lattice near a Bragg peak.

Every form depends on the Miller indices only through their distance delta from the nearest integers and the number
of cells N along each axis. ``square`` is the exact sum over a parallelepiped, up to a sign that the intensity does not
see; the others are the shapes of nanoBragg and simtbx in index space.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.custom_derivatives import SymbolicZero

from nbjax.constants import GAUSS_WIDTH, SPHERE_CUBE_RATIO, TOPHAT_RADIUS_SQUARED
from nbjax.numerics import Components, cotangent, sinc, sinc_slope, sphere_transform


def radius_squared(delta: Components, cells: Components) -> Array:
    """Sum of (delta_i N_i)^2: squared distance from the Bragg peak in units of its width."""
    h, k, l = delta[0] * cells[0], delta[1] * cells[1], delta[2] * cells[2]  # noqa: E741
    return h * h + k * k + l * l


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def square(delta: Components, cells: Components, dtype: Any) -> tuple[Array, Components]:
    """Product of the three gratings sin(pi N delta)/sin(pi delta), and each of them; in ``dtype``, up to a sign.

    Args:
        delta: distances of the Miller indices from the nearest integers. N delta is reduced to [-1/2, 1/2] in their
            type, which keeps the fringes of large crystals exact when the result is in 32 bits.
        cells: N along each axis.
        dtype: type of the result.
    """
    (h, p), (k, q), (l, r) = (_quotient(_wave(d, n, dtype)) for d, n in zip(delta, cells, strict=True))  # noqa: E741
    return (h * k * l) / (p * q * r), (h / p, k / q, l / r)


@partial(square.defjvp, symbolic_zeros=True)
def _square_jvp(
    dtype: Any, primals: tuple[Components, Components], tangents: tuple[Any, Any]
) -> tuple[tuple[Array, Components], tuple[Array, Components]]:
    delta, cells = primals
    lattice, gratings = square(delta, cells, dtype)
    gratings_t = []
    for d, n, d_t, n_t, grating in zip(delta, cells, *tangents, gratings, strict=True):
        wave = _wave(d, n, dtype)
        slope, small = _slope_of_quotient(wave) / _quotient(wave)[1] ** 2, d.astype(dtype)
        grating_t = jnp.zeros_like(grating)
        if not isinstance(d_t, SymbolicZero):
            grating_t = slope * d_t.astype(dtype)
        if not isinstance(n_t, SymbolicZero):
            grown = small * slope + growth("square", small) * grating
            grating_t = grating_t + grown * (n_t / n).astype(dtype)
        gratings_t.append(grating_t)
    (h, k, l), (p, q, r) = gratings, gratings_t  # noqa: E741
    return (lattice, gratings), (p * k * l + h * q * l + h * k * r, (p, q, r))


def square_slopes(delta: Components, cells: Components, dtype: Any) -> tuple[Array, Components]:
    """The product of ``square``, and its derivatives by delta: with a single division, for loops over many samples."""
    waves = [_wave(d, n, dtype) for d, n in zip(delta, cells, strict=True)]
    (h, p), (k, q), (l, r) = (_quotient(wave) for wave in waves)  # noqa: E741
    inverse = 1 / (p * q * r)
    u, v, w = h * p, k * q, l * r
    squared = inverse * inverse
    dh, dk, dl = (_slope_of_quotient(wave) * squared for wave in waves)
    return (h * k * l) * inverse, (dh * v * w, u * dk * w, u * v * dl)


Wave = tuple[Array, Array, Array, Array, Array]
"""N delta reduced to [-1/2, 1/2], delta and N, and what the first two become in a grating: on its central maximum,
where N delta needs no reduction, their ratio is N. Taken as N and 1, neither quotient nor derivative divides by 0.
"""


def _wave(delta: Array, cells: Array, dtype: Any) -> Wave:
    turns = cells * delta
    fringe, small, n = (turns - jnp.round(turns)).astype(dtype), delta.astype(dtype), cells.astype(dtype)
    central = jnp.abs(small * n) < 0.5
    return fringe, small, n, jnp.where(central, n, fringe), jnp.where(central, 1, small)


def _quotient(wave: Wave) -> tuple[Array, Array]:
    """Numerator and denominator of a grating."""
    fringe, small, _, above, below = wave
    return above * sinc(fringe), below * sinc(small)


def _slope_of_quotient(wave: Wave) -> Array:
    """Derivative of a grating by delta, times the square of its denominator."""
    fringe, small, n, above, below = wave
    wide, narrow = sinc(fringe), sinc(small)
    # the last term is that of the factors N delta and delta, and exactly 0 where they are N and 1
    outer = n * above * sinc_slope(fringe) * (below * narrow) - (above * wide) * below * sinc_slope(small)
    return outer + wide * narrow * (n * below - above)


def growth(shape: str, delta: Array) -> Array:
    """The part of a lattice factor's growth with the number of cells of an axis that is not a narrowing of its spots.

    For every shape, N dL/dN = delta dL/ddelta + growth L. For the gratings of ``square``, growth is
    pi delta cot(pi delta), from their denominator; the others are N times a function of N delta.

    Args:
        shape: of the crystal.
        delta: distance of the axis' Miller index from the nearest integer.
    """
    return cotangent(delta) if shape == "square" else jnp.ones_like(delta)


def axis_signs(hkl: Components, index: Components, cells: Components) -> Components:
    """Signs that ``square`` leaves out of each axis: (-1)^(h0 (N - 1)) at whole h0, and (-1)^round(N delta)."""
    return tuple(  # type: ignore[return-value]
        1 - 2 * jnp.mod(whole * (jnp.round(n) - 1) + jnp.round(n * (x - whole)), 2)
        for x, whole, n in zip(hkl, index, cells, strict=True)
    )


def round_(radius_sq: Array, count: Array, fudge: Array) -> Array:
    """Ellipsoid, as the transform of a sphere in index space."""
    return count * SPHERE_CUBE_RATIO * sphere_transform(jnp.pi**2 * fudge * radius_sq)


def gauss(radius_sq: Array, count: Array, fudge: Array) -> Array:
    """Gaussian spots without side maxima."""
    return count * jnp.exp(-fudge * radius_sq / GAUSS_WIDTH)


def tophat(radius_sq: Array, count: Array, fudge: Array) -> Array:
    """Flat spots with a sharp edge."""
    return jnp.where(fudge * radius_sq < TOPHAT_RADIUS_SQUARED, count, 0.0)


RADIAL: dict[str, Callable[[Array, Array, Array], Array]] = {"round": round_, "gauss": gauss, "tophat": tophat}
"""Shapes that depend on the radius alone, and on the number of cells in all."""
