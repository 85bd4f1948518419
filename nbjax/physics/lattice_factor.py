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
import numpy as np
from jax import Array
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Float, Int, Num

from nbjax.constants import GAUSS_WIDTH, SPHERE_CUBE_RATIO, TOPHAT_RADIUS_SQUARED
from nbjax.numerics import Components, cotangent, decay, sinc, sinc_slope, sphere_transform


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


_TURN = 2.0**32


def fixed_point(delta: Float[Array, "*s"]) -> Int[Array, "*s"]:
    """Distances of Miller indices from the nearest integers as 32-bit integers: multiples of 2^-32.

    They lose 1e-10, and their products with whole numbers wrap around as the phases of the gratings do: 32 bits keep
    the fringes of large crystals, which they do not as floats.

    Args:
        delta: in 64 bits.

    Raises:
        TypeError: delta has fewer bits.
    """
    if delta.dtype != jnp.float64:
        raise TypeError(f"distances in {delta.dtype} have no 32 bits behind the point")
    # the sum's last bit is 2^-32, so that its lower half is the rounded distance
    bits = jax.lax.bitcast_convert_type(delta + 1.5 * 2.0**20, jnp.uint64)
    return jax.lax.bitcast_convert_type(bits.astype(jnp.uint32), jnp.int32)


def as_floats(delta: Array, dtype: Any) -> Array:
    """Distances as floats of a type, from floats or from ``fixed_point``."""
    return delta.astype(dtype) * (1 / _TURN) if delta.dtype == jnp.int32 else delta.astype(dtype)


def _fringe(delta: Array, cells: Array, dtype: Any) -> Array:
    """N delta, reduced to [-1/2, 1/2]."""
    if delta.dtype != jnp.int32:
        turns = cells * delta
        return (turns - jnp.round(turns)).astype(dtype)
    whole = jnp.round(cells)
    rest = (cells - whole).astype(dtype) * as_floats(delta, dtype)
    turns = as_floats(delta * whole.astype(jnp.int32), dtype) + rest
    return turns - jnp.round(turns)


def squares(
    shape: str, delta: Num[Array, "*s 3 n"], cells: Components, fudge: Array, dtype: Any
) -> tuple[Array, Array]:
    """Factors of the squared lattice factor, and half the derivative of each.

    Args:
        shape: of the crystal.
        delta: distances of the Miller indices from the nearest integers, along the axis before the last; floats, or
            from ``fixed_point``.
        cells, fudge: N along each axis, and the scale of the spot radius.
        dtype: type of the result.

    Returns:
        For ``square`` the square of each grating, and half its derivative by delta, shape (..., 3, n). For the other
        shapes the square of the whole, and half its derivative by the squared radius, shape (..., 1, n).
    """
    n = jnp.stack(cells)[:, None]
    if shape == "square":
        wave = _wave(delta, n, dtype)
        above, below = _quotient(wave)
        inverse = 1 / below
        factor, slope = above * inverse, inverse * inverse * _slope_of_quotient(wave)
    else:
        radius_sq = radius_squared(_axes(as_floats(delta, n.dtype)), _axes(n))
        a, b, c = n.astype(dtype)
        count, of_radius = a * b * c, RADIAL[shape]
        factor, slope = jax.jvp(lambda r: of_radius(r, count, fudge), (radius_sq,), (jnp.ones_like(radius_sq),))
    return factor * factor, factor * slope


def slopes_of_square(
    shape: str, delta: Num[Array, "*s 3 n"], cells: Components, factors: tuple[Array, Array]
) -> Float[Array, "*s 3 n"]:
    """Derivatives by delta of the squared lattice factor; the factors are those of ``squares``."""
    square, half = factors
    if shape == "square":
        h, k, l = _axes(square)  # noqa: E741
        # chosen and not stacked, so that one loop makes all three
        axis = np.arange(3)[:, None]
        return 2 * half * (jnp.where(axis == 0, k, h) * jnp.where(axis == 2, k, l))
    n = jnp.stack(cells)[:, None].astype(half.dtype)
    return 4 * half * n * n * as_floats(delta, half.dtype)


def _axes(field: Array) -> Components:
    """The three entries along the axis before the last, which stays."""
    return field[..., :1, :], field[..., 1:2, :], field[..., 2:, :]


Wave = tuple[Array, Array, Array, Array, Array]
"""N delta reduced to [-1/2, 1/2], delta and N, and what the first two become in a grating: on its central maximum,
where N delta needs no reduction, their ratio is N. Taken as N and 1, neither quotient nor derivative divides by 0.
"""


def _wave(delta: Array, cells: Array, dtype: Any) -> Wave:
    fringe, small, n = _fringe(delta, cells, dtype), as_floats(delta, dtype), cells.astype(dtype)
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
    outer = above * below * (n * sinc_slope(fringe) * narrow - wide * sinc_slope(small))
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
    return count * SPHERE_CUBE_RATIO * sphere_transform(jnp.pi**2 * fudge * radius_sq, count.dtype)


def round_closed_form(radius_sq: Array, count: Array, fudge: Array) -> Array:
    """``round_`` without a series near the peak, where the closed form loses its digits and falls to 0."""
    peak = radius_sq == 0
    x = jnp.pi * jnp.sqrt(jnp.where(peak, 1.0, radius_sq) * fudge)
    transform = 3.0 * (jnp.sin(x) / x - jnp.cos(x)) / (x * x)
    return count * SPHERE_CUBE_RATIO * jnp.where(peak, 1.0, transform).astype(count.dtype)


def gauss(radius_sq: Array, count: Array, fudge: Array) -> Array:
    """Gaussian spots without side maxima."""
    return count * decay(fudge * radius_sq / GAUSS_WIDTH, count.dtype)


def tophat(radius_sq: Array, count: Array, fudge: Array) -> Array:
    """Flat spots with a sharp edge."""
    return jnp.where(fudge * radius_sq < TOPHAT_RADIUS_SQUARED, count, 0.0)


RADIAL: dict[str, Callable[[Array, Array, Array], Array]] = {
    "round": round_,
    "round_closed_form": round_closed_form,
    "gauss": gauss,
    "tophat": tophat,
}
"""Shapes that depend on the radius alone, and on the number of cells in all, whose type is that of the result: the
radius counts fringes, and is only narrowed once its whole turns are off.
"""
