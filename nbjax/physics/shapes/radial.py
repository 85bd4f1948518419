"""Shapes whose lattice factor depends on the distance from the Bragg peak alone."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Num

from nbjax.numerics import Components
from nbjax.physics.shapes.distances import as_floats, by_axis
from nbjax.physics.shapes.shape import Shape


class Radial(Shape):
    """A shape that depends on the squared radius sum (delta_i N_i)^2 alone, and on the number of cells in all."""

    @abstractmethod
    def of_radius(self, radius_sq: Array, count: Array, fudge: Array) -> Array:
        """Lattice factor at a squared radius.

        Args:
            radius_sq: as of ``radius_squared``. It counts fringes, and is only narrowed once its whole turns are off.
            count: number of cells in all, whose type is that of the result.
            fudge: scale of the squared spot radius.
        """

    def lattice(self, delta: Components, cells: Components, fudge: Array, dtype: Any) -> Array:
        """See ``Shape.lattice``."""
        radius_sq = radius_squared(delta, cells)
        na, nb, nc = (n.astype(dtype) for n in cells)
        return self.of_radius(radius_sq, na * nb * nc, fudge)

    def squares(self, delta: Num[Array, "*s 3 n"], cells: Components, fudge: Array, dtype: Any) -> tuple[Array, Array]:
        """The square of the lattice factor, and half its derivative by the squared radius, shape (..., 1, n)."""
        n = jnp.stack(cells)[:, None]
        radius_sq = radius_squared(by_axis(as_floats(delta, n.dtype)), by_axis(n))
        a, b, c = n.astype(dtype)
        count = a * b * c
        factor, slope = jax.jvp(lambda r: self.of_radius(r, count, fudge), (radius_sq,), (jnp.ones_like(radius_sq),))
        return factor * factor, factor * slope

    def slopes_of_square(
        self, delta: Num[Array, "*s 3 n"], cells: Components, factors: tuple[Array, Array]
    ) -> Float[Array, "*s 3 n"]:
        """See ``Shape.slopes_of_square``."""
        half = factors[1]
        n = jnp.stack(cells)[:, None].astype(half.dtype)
        return 4 * half * n * n * as_floats(delta, half.dtype)


def radius_squared(delta: Components, cells: Components) -> Array:
    """Sum of (delta_i N_i)^2: squared distance from the Bragg peak in units of its width."""
    h, k, l = delta[0] * cells[0], delta[1] * cells[1], delta[2] * cells[2]  # noqa: E741
    return h * h + k * k + l * l
