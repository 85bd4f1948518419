"""What a crystal shape is: its lattice factor, and what the fast derivative makes of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Num

from nbjax.numerics import Components
from nbjax.physics.shapes.distances import as_floats, by_axis


class Shape(ABC):
    """The shape of a crystal, in index space.

    A new shape has only its ``lattice``: the derivatives follow from it. ``growth`` is then right for a lattice factor
    that is Na Nb Nc times a function of Na delta_a, Nb delta_b and Nc delta_c; others have their own.

    Attributes:
        has_fudge: whether the scale of the spot radius enters.
        has_gradient: whether a fit can follow the lattice factor.
    """

    has_fudge: ClassVar[bool] = True
    has_gradient: ClassVar[bool] = True

    @abstractmethod
    def lattice(self, delta: Components, cells: Components, fudge: Array, dtype: Any) -> Array:
        """Lattice factor, up to a sign that the intensity does not see.

        Args:
            delta: distances of the Miller indices from the nearest integers. Whole turns and large products are taken
                in their type, before the change to ``dtype``.
            cells: N along each axis.
            fudge: scale of the squared spot radius.
            dtype: type of the result.
        """

    def with_axes(
        self, delta: Components, cells: Components, fudge: Array, dtype: Any
    ) -> tuple[Array, Components | None]:
        """``lattice``, and the factor of each axis where it is a product of such."""
        return self.lattice(delta, cells, fudge, dtype), None

    def squares(self, delta: Num[Array, "*s 3 n"], cells: Components, fudge: Array, dtype: Any) -> tuple[Array, Array]:
        """Factors whose product is the squared lattice factor, and what ``slopes_of_square`` makes slopes of.

        Args:
            delta: distances of the Miller indices from the nearest integers, along the axis before the last; floats,
                or from ``fixed_point``.
            cells, fudge, dtype: as of ``lattice``.

        Returns:
            Two fields of one shape, (..., factors, n). Here the whole square and two ones, and half the derivatives
            of the square by delta.
        """
        n = jnp.stack(cells)[:, None]
        at = by_axis(as_floats(delta, n.dtype))
        value, slope = jax.linearize(lambda at: self.lattice(at, by_axis(n), fudge, dtype), at)
        still = tuple(jnp.zeros_like(x) for x in at)
        moved = (slope((*still[:i], jnp.ones_like(at[i]), *still[i + 1 :])) for i in range(3))
        one = jnp.ones_like(value)
        return jnp.concatenate((value * value, one, one), -2), jnp.concatenate([value * x for x in moved], -2)

    def slopes_of_square(
        self, delta: Num[Array, "*s 3 n"], cells: Components, factors: tuple[Array, Array]
    ) -> Float[Array, "*s 3 n"]:
        """Derivatives by delta of the squared lattice factor; the factors are those of ``squares``."""
        return 2 * factors[1]

    def growth(self, delta: Float[Array, "*s 3 n"], cells: Components, fudge: Array) -> Float[Array, "..."]:
        """The part of the growth with the number of cells of each axis that is not a narrowing of the spots.

        For every shape, N dL/dN = delta dL/ddelta + growth L.

        Args:
            delta: distances of the Miller indices from the nearest integers, along the axis before the last.
            cells, fudge: as of ``lattice``.

        Returns:
            One for each delta, or the same for all of an axis, shape (3, 1).
        """
        return jnp.ones_like(delta)
