"""Gaussian disorder of a crystal: turns and lengths of domains, drawn once, scaled by widths that can be fitted."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float
from scipy.special import ndtri

from nbjax.rotations import about_vector

_DIMENSIONS = 6
_FEW = 4 * _DIMENSIONS
"""Fewer domains have too few draws to take the correlations out of them."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Disorder:
    """How the domains of a crystal differ; the crystal carries it along as the spindle turns.

    Attributes:
        mosaicity_rad: standard deviations of a domain's rotation about the Cartesian axes of the crystal, which are
            those of the standard setting of ``nbjax.geometry.unit_cell``, shape (3,).
        cell_spread: relative standard deviation of the lengths a, b, c, each of its own; the angles are kept.
        turns: deviates of the rotation, shape (domains, 3).
        sizes: deviates of the lengths, shape (domains, 3).
    """

    mosaicity_rad: Float[Array, "3"]
    cell_spread: Float[Array, ""]
    turns: Float[Array, "domains 3"]
    sizes: Float[Array, "domains 3"]


def disordered(disorder: Disorder, direct: Float[Array, "3 3"]) -> Float[Array, "domains 3 3"]:
    """Direct vectors of each domain as rows, from those of the crystal; both in the standard setting."""
    turns = jax.vmap(about_vector)(disorder.mosaicity_rad * disorder.turns)
    lengths = 1.0 + disorder.cell_spread * disorder.sizes
    return jnp.einsum("mik,mvk->mvi", turns, lengths[:, :, None] * direct)


def deviates(count: int, seed: int) -> tuple[Float[np.ndarray, "domains 3"], Float[np.ndarray, "domains 3"]]:
    """Standard normal deviates of rotations and lengths that fill their six dimensions evenly.

    They are an additive recurrence by powers of the generalised golden ratio, shifted by the seed, of which each
    dimension is taken by its ranks: one number in every part of equal probability. Mean and variance are 0 and 1, and
    with more than a few domains no two dimensions are correlated. A single domain has zeros.

    Args:
        count: number of domains.
        seed: of the shift.
    """
    if count == 1:
        return np.zeros((1, 3)), np.zeros((1, 3))
    shift = np.random.Generator(np.random.Philox(key=[seed, zlib.crc32(b"disorder")])).random(_DIMENSIONS)
    ratio = max(root.real for root in np.roots([1, 0, 0, 0, 0, 0, -1, -1]) if abs(root.imag) < 1e-9)
    steps = ratio ** -np.arange(1.0, _DIMENSIONS + 1)
    places = (shift + np.arange(1, count + 1)[:, None] * steps) % 1.0
    ranks = places.argsort(axis=0).argsort(axis=0)
    found = ndtri((ranks + 0.5) / count)
    if count < _FEW:
        found /= found.std(axis=0)
    else:
        found = np.linalg.solve(np.linalg.cholesky(found.T @ found / count), found.T).T
    return found[:, :3], found[:, 3:]
