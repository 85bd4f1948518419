"""The lattice factor: Fourier transform of a finite crystal's lattice near a Bragg peak.

Every form depends on the Miller indices only through their distance delta from the nearest integers and the number
of cells N along each axis. ``square`` is the exact sum over a parallelepiped, up to a sign that the intensity does not
see; the others are the shapes of nanoBragg and simtbx in index space.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from nbjax.constants import GAUSS_WIDTH, SPHERE_CUBE_RATIO, TOPHAT_RADIUS_SQUARED
from nbjax.numerics import Components, cosine, sinc, sine_over_pi, sphere_transform

_OFF_ZERO = {jnp.dtype("float64"): 1e-10, jnp.dtype("float32"): 1e-7}
"""What replaces a smaller delta. A grating differs from N by (pi N delta)^2 / 6 there, which is far below rounding; and
its derivative, which is 0, may be taken without ``square``'s own rule, as JAX does inside loops that are transposed."""

_SERIES_BELOW = {jnp.dtype("float64"): 3e-3, jnp.dtype("float32"): 3e-2}
"""N delta below which a slope is taken from its series: truncation and cancellation are alike there."""


def radius_squared(delta: Components, cells: Float[Array, "3"]) -> Array:
    """Sum of (delta_i N_i)^2: squared distance from the Bragg peak in units of its width."""
    h, k, l = delta[0] * cells[0], delta[1] * cells[1], delta[2] * cells[2]  # noqa: E741
    return h * h + k * k + l * l


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def square(delta: Components, cells: Float[Array, "3"], dtype: Any) -> tuple[Array, Components]:
    """Product of the three gratings sin(pi N delta)/sin(pi delta), and each of them; in ``dtype``, up to a sign.

    Args:
        delta: distances of the Miller indices from the nearest integers. N delta is reduced to [-1/2, 1/2] in their
            type, which keeps the fringes of large crystals exact when the result is in 32 bits.
        cells: N along each axis.
        dtype: type of the result.
    """
    waves = [_waves(d, n, dtype) for d, n in zip(delta, cells, strict=True)]
    (h, p), (k, q), (l, r) = ((sine_over_pi(fringe), sine_over_pi(small)) for fringe, small in waves)  # noqa: E741
    return (h * k * l) / (p * q * r), (h / p, k / q, l / r)


@square.defjvp
def _square_jvp(
    dtype: Any, primals: tuple[Components, Array], tangents: tuple[Components, Array]
) -> tuple[tuple[Array, Components], tuple[Array, Components]]:
    delta, cells = primals
    lattice, (h, k, l) = square(delta, cells, dtype)  # noqa: E741
    p, q, r = (
        _slope(d, n, axis) * dd.astype(dtype) + _growth(d, n, dtype) * dn.astype(dtype)
        for d, n, axis, dd, dn in zip(delta, cells, (h, k, l), *tangents, strict=True)
    )
    return (lattice, (h, k, l)), (p * k * l + h * q * l + h * k * r, (p, q, r))


def _waves(delta: Array, cells: Array, dtype: Any) -> tuple[Array, Array]:
    """N delta reduced to [-1/2, 1/2] and delta, both in ``dtype`` and moved off 0, where the gratings divide."""
    least = _OFF_ZERO[jnp.dtype(dtype)]
    off_zero = jnp.where(jnp.abs(delta) < least, least, delta)
    fringe = cells * off_zero
    return (fringe - jnp.round(fringe)).astype(dtype), off_zero.astype(dtype)


def _slope(delta: Array, cells: Array, grating: Array) -> Array:
    """Derivative of a grating by delta, by its series where the quotient would cancel."""
    dtype = grating.dtype
    fringe, small = _waves(delta, cells, dtype)
    near = jnp.abs(small * cells.astype(dtype)) < _SERIES_BELOW[dtype]
    n, x = cells.astype(dtype), jnp.where(near, delta, 0.0).astype(dtype)
    series = -(math.pi**2) / 3 * n * (n * n - 1) * x * (1 - (3 * n * n - 7) * (math.pi * x) ** 2 / 30)
    divisor = jnp.where(near, 1.0, sine_over_pi(small)).astype(dtype)
    return jnp.where(near, series, (n * cosine(fringe) - grating * cosine(small)) / divisor)


def _growth(delta: Array, cells: Array, dtype: Any) -> Array:
    """Derivative of a grating by N."""
    fringe, small = _waves(delta, cells, dtype)
    # x / sin x as one smooth factor: as a quotient its slope by delta is a difference of two 1 / delta
    return cosine(fringe) / sinc(small)


def axis_signs(hkl: Components, index: Components, cells: Float[Array, "3"]) -> Components:
    """Signs that ``square`` leaves out of each axis: (-1)^(h0 (N - 1)) at whole h0, and (-1)^round(N delta)."""
    return tuple(  # type: ignore[return-value]
        1 - 2 * jnp.mod(whole * (jnp.round(n) - 1) + jnp.round(n * (x - whole)), 2)
        for x, whole, n in zip(hkl, index, cells, strict=True)
    )


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
