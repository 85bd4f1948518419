"""Unit cells: lengths and angles, reciprocal and direct vectors, orientation."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from nbjax.errors import FileError
from nbjax.linear import cofactors
from nbjax.rotations import about_xyz


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class UnitCell:
    """A cell and how it sits in the laboratory before any spindle rotation.

    Attributes:
        lengths_m: a, b, c, shape (3,).
        angles_rad: alpha, beta, gamma, shape (3,).
        orientation: rotation from the standard setting (a* along x, b* in the xy plane), shape (3, 3).
        misset_rad: further rotation about x, then y, then z, shape (3,).
    """

    lengths_m: Float[Array, "3"]
    angles_rad: Float[Array, "3"]
    orientation: Float[Array, "3 3"]
    misset_rad: Float[Array, "3"]

    @property
    def misset(self) -> Float[Array, "3 3"]:
        """The misset as a rotation."""
        return about_xyz(self.misset_rad)


def cell_volume(lengths: Float[np.ndarray, "3"], angles_rad: Float[np.ndarray, "3"]) -> float:
    """Volume of a cell in the cubed unit of ``lengths``."""
    return float(np.linalg.det(np.asarray(standard_direct(lengths, angles_rad))))


def standard_direct(
    lengths: Float[Array | np.ndarray, "3"], angles_rad: Float[Array | np.ndarray, "3"]
) -> Float[Array | np.ndarray, "3 3"]:
    """Direct vectors as rows in the setting with a* along x and b* in the xy plane, in the unit of ``lengths``.

    Equivalently c lies along z and b in the yz plane. NumPy in, NumPy out.
    """
    # a few numbers on the host are not worth compiled programs
    xp = np if isinstance(lengths, np.ndarray) else jnp
    a, b, c = lengths[0], lengths[1], lengths[2]
    cos, sin = xp.cos(angles_rad), xp.sin(angles_rad)
    cos_gamma_star = (cos[0] * cos[1] - cos[2]) / (sin[0] * sin[1])
    sin_gamma_star = xp.sqrt(1 - cos_gamma_star**2)
    zero = xp.zeros_like(a)
    return xp.stack(
        [
            a * xp.stack([sin[1] * sin_gamma_star, -sin[1] * cos_gamma_star, cos[1]]),
            b * xp.stack([zero, sin[0], cos[0]]),
            xp.stack([zero, zero, c]),
        ]
    )


def invert_basis(rows: Float[Array, "3 3"]) -> Float[Array, "3 3"]:
    """The dual basis: direct vectors from reciprocal ones, or the reverse, as rows."""
    crosses = cofactors(rows)
    return crosses / jnp.dot(rows[0], crosses[0])


def direct_vectors_m(cell: UnitCell) -> Float[Array, "3 3"]:
    """Rows a, b, c in m after orientation and misset, before spindle and mosaic rotations."""
    turn = cell.misset @ cell.orientation
    return jnp.asarray(standard_direct(cell.lengths_m, cell.angles_rad)) @ turn.T


def cell_of(direct: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lengths and angles in rad of direct vectors given as rows, shape (3, 3)."""
    lengths = np.linalg.norm(direct, axis=1)
    following, preceding = np.roll(direct, -1, axis=0), np.roll(direct, -2, axis=0)
    sines = np.linalg.norm(np.cross(following, preceding), axis=1)
    return lengths, np.arctan2(sines, (following * preceding).sum(axis=1))


def setting_of(direct: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lengths, angles in rad, and rotation from the standard setting, of direct vectors given as rows, shape (3, 3).

    Args:
        direct: a, b, c.
        name: what they come from, for the error.

    Raises:
        FileError: the vectors are left-handed, or lie in a plane; no rotation leads to them.
    """
    if not np.linalg.det(direct) > 0:
        raise FileError(
            f"{name}: its axes are left-handed (the determinant is not above zero), and no crystal turns into them; "
            "change the sign of all nine numbers for the same lattice with indices -h -k -l, or look for exchanged axes"
        )
    lengths, angles = cell_of(direct)
    return lengths, angles, direct.T @ np.linalg.inv(np.asarray(standard_direct(lengths, angles))).T
