"""The search of reciprocal space for what may come near the Ewald sphere: cubes of reflections first, then these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Int

from nbjax.experiment import CrystalParameters
from nbjax.fields import STATIC
from nbjax.linear import cross_product
from nbjax.numerics import components
from nbjax.pipeline.closed.crossing import range_rad
from nbjax.pipeline.closed.parts import in_parts, padded
from nbjax.pipeline.closed.spread import BeamSpread, Lattice, upright, variance_along
from nbjax.pipeline.compilation import compiled
from nbjax.pipeline.scene import RayTable
from nbjax.sampling.capacity import BLOCK, CUT, Capacity

_IN_BLOCK = BLOCK**3
_AT_ONCE = 4096
"""Rows of a list of any length, so that one program searches all."""
_HALF = 0.5 * (BLOCK - 1)
_DRIFT = 1.1
"""Standard deviations change along the exposure by less than this."""


def places_of(mask: Bool[Array, " n"], size: int) -> tuple[Int[Array, " size"], Int[Array, ""]]:
    """The first places where a mask is set, and in how many it is."""
    (found,) = jnp.nonzero(mask, size=size, fill_value=0)
    return found, mask.sum(dtype=jnp.int32)


def window_angles(crystal: CrystalParameters, windows: int) -> Float[Array, "windows 2"]:
    """Start and end of each part of the rotation, rising; of a still, its angle twice."""
    spindle = crystal.spindle
    if spindle.steps == 1:
        return jnp.stack([spindle.start_rad, spindle.start_rad])[None]
    ends = spindle.start_rad + range_rad(spindle) * jnp.linspace(0, 1, windows + 1)
    pairs = jnp.stack([ends[:-1], ends[1:]], -1)
    return jnp.sort(pairs, -1)


def near_reflections(
    crystal: CrystalParameters, rays: RayTable, spread: BeamSpread, capacity: Capacity
) -> tuple[Float[Array, "near 3"], Int[Array, ""], Int[Array, ""]]:
    """Reflections with an amplitude that come near the Ewald sphere of any source at any angle of the exposure.

    Returns:
        Miller indices, how many there are, and how many blocks were searched for them.
    """
    nh, nk, nl = (-(-size // BLOCK) for size in capacity.sizes)
    dtype = rays.wavelength_m.dtype
    lowest = jnp.asarray(capacity.lowest)
    corner = _triples((nh, nk, nl), lowest.dtype) * BLOCK + lowest
    search = search_of(crystal, rays, spread, capacity.longest_per_m, capacity.cut)
    found, blocks = places_of(search.comes_near(corner.astype(dtype) + _HALF, _HALF), capacity.blocks)
    inside, seen = _triples((BLOCK,) * 3, lowest.dtype), crystal.factors.seen_at(rays.wavelength_m.mean())

    def of_block(corner: Array) -> Array:
        index = corner + inside
        hkl = index.astype(dtype)
        real = (index < lowest + jnp.asarray(capacity.sizes)).all(-1)
        amplitude = seen.at(components(hkl), components(hkl))
        return real & search.comes_near(hkl) & (amplitude != 0)

    corners, used = corner[found], jnp.arange(len(found)) < blocks
    near = (in_parts(of_block, corners, used) & used[:, None]).reshape(-1)
    found, count = places_of(near, capacity.near)
    return (corners[jax.lax.div(found, _IN_BLOCK)] + inside[jax.lax.rem(found, _IN_BLOCK)]).astype(dtype), count, blocks


def all_near(
    crystal: CrystalParameters,
    rays: RayTable,
    spread: BeamSpread,
    box: tuple[tuple[int, int, int], tuple[int, int, int]],
    longest_per_m: float,
) -> tuple[np.ndarray, int]:
    """What ``near_reflections`` finds, of numbers and however many there are: indices, shape (near, 3), and blocks.

    Args:
        crystal, rays, spread: whose.
        box: the first Miller indices that are searched, and how many there are.
        longest_per_m: longest scattering vector that a pixel sees.
    """
    bare = replace(crystal, capacity=None)

    def near(hkl: np.ndarray, half: float) -> np.ndarray:
        parts = (padded(hkl[first : first + _AT_ONCE], _AT_ONCE) for first in range(0, len(hkl), _AT_ONCE))
        found = [_near(bare, rays, spread, longest_per_m, part, half) for part in parts]
        return np.concatenate([np.zeros(0, bool), *found])[: len(hkl)]

    lowest, sizes = map(np.array, box)
    corners = _grid(-(-sizes // BLOCK)) * BLOCK + lowest
    blocks = corners[near(corners + _HALF, _HALF)]
    index = (blocks[:, None] + _grid((BLOCK,) * 3)).reshape(-1, 3)
    index = index[(index < lowest + sizes).all(1)]
    return index[near(index, 0.0)], len(blocks)


@compiled
def _near(
    crystal: CrystalParameters, rays: RayTable, spread: BeamSpread, longest_per_m: Any, hkl: Any, half: Any
) -> Array:
    """Which reflections may come near and have an amplitude, or which blocks of them may come near."""
    amplitude = crystal.factors.seen_at(rays.wavelength_m.mean()).at(components(hkl), components(hkl))
    return search_of(crystal, rays, spread, longest_per_m).comes_near(hkl, half) & ((amplitude != 0) | (half > 0))


def _grid(sizes: Sequence[int] | np.ndarray) -> np.ndarray:
    return np.stack(np.meshgrid(*map(np.arange, sizes), indexing="ij"), -1).reshape(-1, 3)


def _triples(sizes: tuple[int, int, int], dtype: Any) -> Int[Array, "n 3"]:
    """Indices of a box, the last fastest."""
    return jnp.stack([jax.lax.broadcasted_iota(dtype, sizes, axis) for axis in range(3)], -1).reshape(-1, 3)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Search:
    """What is searched for reflections near the sphere.

    Attributes:
        lattice: in the middle of the exposure.
        turn_rad: from there to its ends.
        rays, spread: of the beam.
        longest_per_m: longest scattering vector that a pixel sees.
        cut: standard deviations up to which a spot is followed.
    """

    lattice: Lattice
    turn_rad: Float[Array, ""]
    rays: RayTable
    spread: BeamSpread
    longest_per_m: Float[Array, ""] | float
    cut: float = field(metadata=STATIC)

    def comes_near(self, hkl: Float[Array, "n 3"], half: Float[Array, ""] | float = 0.0) -> Bool[Array, " n"]:
        """Which reflections, or others whose indices differ by at most a half, may come near the sphere and be seen.

        Every term of the spread grows no faster than the distance from the origin, but that of the size, which is
        constant.

        Args:
            hkl: Miller indices.
            half: by which indices may differ.
        """
        lattice, rays, turn_rad = self.lattice, self.rays, self.turn_rad
        incident, wavelength_m = rays.incident.mean(0), rays.wavelength_m.mean()
        star = hkl @ lattice.stars
        leaving = incident / wavelength_m + star
        length = jnp.linalg.norm(leaving, axis=-1)
        normal = leaving / jnp.maximum(length, 1e-3 / wavelength_m)[:, None]
        excitation = length - 1 / wavelength_m
        size = jnp.linalg.norm(star, axis=-1)
        variance = jax.vmap(lambda i, n: variance_along(lattice, self.spread, wavelength_m, i, n))(hkl, normal)
        widest = half * jnp.linalg.norm(lattice.stars, axis=1).sum()
        # along the normal, and what the sphere bends away
        reach = half * jnp.abs(normal @ lattice.stars.T).sum(-1) + 0.5 * widest**2 * wavelength_m
        relative = jnp.sqrt(jnp.linalg.norm(lattice.turns) + 3 * lattice.cell_spread**2 + self.spread.bandwidth)
        sigma = jnp.sqrt(variance) + relative * widest
        rate = jnp.abs((cross_product(lattice.axis, star) * normal).sum(-1)) + widest
        slack = turn_rad * rate + turn_rad**2 * (size + widest) * (1 + (size + widest) * wavelength_m)
        other = jnp.abs(rays.wavelength_m / wavelength_m - 1).max()
        slack += other * (1 - normal @ incident + widest * wavelength_m) / wavelength_m
        slack += jnp.linalg.norm(rays.incident - incident, axis=-1).max() / wavelength_m
        near = jnp.abs(excitation) <= _DRIFT * self.cut * sigma + slack + reach
        widths = jnp.sqrt(jnp.trace(lattice.size)) + relative * size
        return near & (size - widest - self.cut * widths <= self.longest_per_m)


def search_of(
    crystal: CrystalParameters,
    rays: RayTable,
    spread: BeamSpread,
    longest_per_m: Float[Array, ""] | float,
    cut: float = CUT,
) -> Search:
    """The search of a crystal's exposure; see ``Search``."""
    start, end = window_angles(crystal, 1)[0]
    return Search(upright(crystal).at(0.5 * (start + end)), 0.5 * (end - start), rays, spread, longest_per_m, cut)
