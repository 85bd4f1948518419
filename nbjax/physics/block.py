"""A mosaic block as a symmetric matrix M of numbers of cells: those along a, b and c, and what ties these together.

The squared radius of a spot is |M delta|^2, delta being the distances of the Miller indices from whole numbers. M is
the product of the numbers of cells, as a diagonal matrix, and of a shear whose diagonal is one: shapes that know
only numbers of cells see delta sheared.
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from nbjax.linear import cofactors, determinant
from nbjax.numerics import Components, components


def shear(cells: Float[Array, "3"], off_diagonal: Float[Array, "3"]) -> Float[Array, "3 3"]:
    """The matrix by which M is more than its diagonal.

    Args:
        cells: along a, b and c.
        off_diagonal: ab, bc and ca.
    """
    (na, nb, nc), (ab, bc, ca) = cells, off_diagonal
    one = jnp.ones_like(na)
    rows = (one, ab / na, ca / na), (ab / nb, one, bc / nb), (ca / nc, bc / nc, one)
    return jnp.stack([jnp.stack(row) for row in rows])


def cell_count(cells: Float[Array, "3"], off_diagonal: Float[Array, "3"] | None) -> Float[Array, ""]:
    """Number of cells in a block: the determinant of M."""
    count = jnp.prod(cells)
    return count if off_diagonal is None else count * determinant(shear(cells, off_diagonal))


def narrowed(
    rows: Float[Array, "3 n"], cells: Float[Array, "3"], off_diagonal: Float[Array, "3"] | None
) -> Float[Array, "3 n"]:
    """M^-1 times a matrix, such as the reciprocal vectors as rows."""
    along = rows / cells[:, None]
    if off_diagonal is None:
        return along
    by = shear(cells, off_diagonal)
    # exact where there is no shear
    inverse = cofactors(by.T) / determinant(by)
    return jnp.stack([(row[:, None] * along).sum(0) for row in inverse])


def sheared(
    delta: Components, cells: Float[Array, "3"], off_diagonal: Float[Array, "3"]
) -> tuple[Components, Float[Array, ""]]:
    """Distances as a block without shear sees them, and by how many times its cells are more."""
    by, (x, y, z) = shear(cells, off_diagonal), delta
    (_, ab, ac), (ba, _, bc), (ca, cb, _) = (components(row) for row in by)
    return (x + ab * y + ac * z, ba * x + y + bc * z, ca * x + cb * y + z), determinant(by)
