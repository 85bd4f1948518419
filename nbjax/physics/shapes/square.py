"""The parallelepiped."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Float, Num

from nbjax.numerics import Components, cotangent, sinc, sinc_slope
from nbjax.physics.shapes.distances import as_floats, by_axis, fringe
from nbjax.physics.shapes.shape import Shape


@dataclass(frozen=True)
class Square(Shape):
    """Parallelepiped: the product of three gratings, exactly."""

    has_fudge: ClassVar[bool] = False

    def lattice(self, delta: Components, cells: Components, fudge: Array, dtype: Any) -> Array:
        """See ``Shape.lattice``."""
        return square(delta, cells, dtype)[0]

    def with_axes(
        self, delta: Components, cells: Components, fudge: Array, dtype: Any
    ) -> tuple[Array, Components | None]:
        """See ``Shape.with_axes``; the factors are the gratings."""
        return square(delta, cells, dtype)

    def squares(self, delta: Num[Array, "*s 3 n"], cells: Components, fudge: Array, dtype: Any) -> tuple[Array, Array]:
        """The square of each grating, and half its derivative by delta, shape (..., 3, n)."""
        wave = _wave(delta, jnp.stack(cells)[:, None], dtype)
        above, below = _quotient(wave)
        inverse = 1 / below
        factor, slope = above * inverse, inverse * inverse * _slope_of_quotient(wave)
        return factor * factor, factor * slope

    def slopes_of_square(
        self, delta: Num[Array, "*s 3 n"], cells: Components, factors: tuple[Array, Array]
    ) -> Float[Array, "*s 3 n"]:
        """See ``Shape.slopes_of_square``."""
        square, half = factors
        h, k, l = by_axis(square)  # noqa: E741
        # chosen and not stacked, so that one loop makes all three
        axis = np.arange(3)[:, None]
        return 2 * half * (jnp.where(axis == 0, k, h) * jnp.where(axis == 2, k, l))

    def growth(self, delta: Float[Array, "*s 3 n"], cells: Components, fudge: Array) -> Float[Array, "..."]:
        """See ``Shape.growth``; pi delta cot(pi delta), from the denominators of the gratings."""
        return cotangent(delta)


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
            grown = small * slope + cotangent(small) * grating
            grating_t = grating_t + grown * (n_t / n).astype(dtype)
        gratings_t.append(grating_t)
    (h, k, l), (p, q, r) = gratings, gratings_t  # noqa: E741
    return (lattice, gratings), (p * k * l + h * q * l + h * k * r, (p, q, r))


Wave = tuple[Array, Array, Array, Array, Array]
"""N delta reduced to [-1/2, 1/2], delta and N, and what the first two become in a grating: on its central maximum,
where N delta needs no reduction, their ratio is N. Taken as N and 1, neither quotient nor derivative divides by 0.
"""


def _wave(delta: Array, cells: Array, dtype: Any) -> Wave:
    turn, small, n = fringe(delta, cells, dtype), as_floats(delta, dtype), cells.astype(dtype)
    central = jnp.abs(small * n) < 0.5
    return turn, small, n, jnp.where(central, n, turn), jnp.where(central, 1, small)


def _quotient(wave: Wave) -> tuple[Array, Array]:
    """Numerator and denominator of a grating."""
    turn, small, _, above, below = wave
    return above * sinc(turn), below * sinc(small)


def _slope_of_quotient(wave: Wave) -> Array:
    """Derivative of a grating by delta, times the square of its denominator."""
    turn, small, n, above, below = wave
    wide, narrow = sinc(turn), sinc(small)
    # the last term is that of the factors N delta and delta, and exactly 0 where they are N and 1
    outer = above * below * (n * sinc_slope(turn) * narrow - wide * sinc_slope(small))
    return outer + wide * narrow * (n * below - above)


def axis_signs(hkl: Components, index: Components, cells: Components) -> Components:
    """Signs that ``square`` leaves out of each axis: (-1)^(h0 (N - 1)) at whole h0, and (-1)^round(N delta)."""
    return tuple(  # type: ignore[return-value]
        1 - 2 * jnp.mod(whole * (jnp.round(n) - 1) + jnp.round(n * (x - whole)), 2)
        for x, whole, n in zip(hkl, index, cells, strict=True)
    )
