"""Shapes whose lattice factor depends on the distance from the Bragg peak alone."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Num

from nbjax.numerics import Components
from nbjax.physics.shapes.distances import as_floats, by_axis
from nbjax.physics.shapes.shape import Shape


@dataclass(frozen=True)
class Radial(Shape):
    """A shape that depends on the squared radius rho^2 = fudge sum (delta_i N_i)^2 alone.

    The squared lattice factor adds up to Na Nb Nc over a cell of reciprocal space, as that of any finite crystal does:
    the integrated intensity is that of the kinematic theory (Darwin, Phil. Mag. 27, 675, 1914), and the fudge changes
    the width of the spots alone. What of a spot lies beyond its own cell is made up for.

    Attributes:
        normalised: as above; else with the constants of nanoBragg, by which spots add up to other numbers.
        height: of the peak of spots that lie in their cells, over the number of cells in all, with a fudge of 1.
    """

    normalised: bool = True
    height: ClassVar[float] = 1.0

    @abstractmethod
    def of_radius(self, radius_sq: Array, peak: Array, fudge: Array) -> Array:
        """Lattice factor at a squared radius.

        Args:
            radius_sq: as of ``radius_squared``. It counts fringes, and is only narrowed once its whole turns are off.
            peak: its value at the peak, whose type is that of the result.
            fudge: scale of the squared spot radius.
        """

    @abstractmethod
    def share_in_cell(self, half_cells: Components) -> Array:
        """The part of a spot's intensity that lies in its own cell of reciprocal space.

        Args:
            half_cells: sqrt(fudge) N/2 along each axis: where the cell ends, in units of the radius.
        """

    def peak(self, cells: Components, fudge: Array, dtype: Any) -> Array:
        """Lattice factor at the peak.

        Args:
            cells: N along each axis.
            fudge: scale of the squared spot radius.
            dtype: type of the result.
        """
        na, nb, nc = (n.astype(dtype) for n in cells)
        count = na * nb * nc * self.height
        return count * self._made_up(cells, fudge).astype(dtype) if self.normalised else count

    def _made_up(self, cells: Components, fudge: Array) -> Array:
        root = jnp.sqrt(fudge)
        a, b, c = (root * n / 2 for n in cells)
        return jnp.sqrt(root**3 / self.share_in_cell((a, b, c)))

    def lattice(self, delta: Components, cells: Components, fudge: Array, dtype: Any) -> Array:
        """See ``Shape.lattice``."""
        return self.of_radius(radius_squared(delta, cells), self.peak(cells, fudge, dtype), fudge)

    def squares(self, delta: Num[Array, "*s 3 n"], cells: Components, fudge: Array, dtype: Any) -> tuple[Array, Array]:
        """The square of the lattice factor, and half its derivative by the squared radius, shape (..., 1, n)."""
        n = jnp.stack(cells)[:, None]
        radius_sq, peak = radius_squared(by_axis(as_floats(delta, n.dtype)), by_axis(n)), self.peak(cells, fudge, dtype)
        factor, slope = jax.jvp(lambda r: self.of_radius(r, peak, fudge), (radius_sq,), (jnp.ones_like(radius_sq),))
        return factor * factor, factor * slope

    def slopes_of_square(
        self, delta: Num[Array, "*s 3 n"], cells: Components, factors: tuple[Array, Array]
    ) -> Float[Array, "*s 3 n"]:
        """See ``Shape.slopes_of_square``."""
        half = factors[1]
        n = jnp.stack(cells)[:, None].astype(half.dtype)
        return 4 * half * n * n * as_floats(delta, half.dtype)

    def growth(self, delta: Float[Array, "*s 3 n"], cells: Components, fudge: Array) -> Float[Array, "..."]:
        """See ``Shape.growth``; that of the peak."""
        if not self.normalised:
            return jnp.ones_like(delta)
        slopes = jax.grad(lambda n: jnp.log(self._made_up(n, fudge)))(cells)
        return (1 + jnp.stack(cells) * jnp.stack(slopes))[:, None].astype(delta.dtype)


def radius_squared(delta: Components, cells: Components) -> Array:
    """Sum of (delta_i N_i)^2: squared distance from the Bragg peak in units of its width."""
    h, k, l = delta[0] * cells[0], delta[1] * cells[1], delta[2] * cells[2]  # noqa: E741
    return h * h + k * k + l * l
