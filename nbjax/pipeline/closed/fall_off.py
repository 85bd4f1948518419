"""What displacements of the atoms leave of a spot: it is cut by the resolution of each domain that it is made of.

Of what moves q off G, the size of the blocks and the lengths of the domains change the resolution; turns and beams do
not. With K the covariance of the first two, a pixel with p = S^-1 x sees domains of K p on average, with the covariance
K - K S^-1 K about that: the mean of exp(-q W q / 2) is that of a Gaussian but for the second order in K.
"""

from __future__ import annotations

from jax import Array
from jaxtyping import Float

from nbjax.pipeline.closed.spread import Lattice


def fall_off(
    lattice: Lattice, hkl: Float[Array, "3"], inverse: Float[Array, "3 3"]
) -> tuple[Float[Array, ""], Float[Array, "3"]]:
    """Logarithm of what is left where x is zero, and what p adds to it, in 1/m.

    Args:
        lattice: of a crystal with a fall-off.
        hkl: Miller indices.
        inverse: S^-1.
    """
    assert lattice.fall_off_m2 is not None
    star = hkl @ lattice.stars
    rows = hkl[:, None] * lattice.stars
    changed = lattice.size + lattice.cell_spread**2 * rows.T @ rows
    slope = lattice.fall_off_m2 @ star
    pulled = changed @ slope
    return 0.5 * (slope @ pulled - pulled @ inverse @ pulled - slope @ star), -pulled
