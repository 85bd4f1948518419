"""The sum of intensities over the orientations of the crystal, and its derivative in one sweep over the samples.

Differentiated as it stands, the sum leaves the compiler one loop for each of its derivatives, and each of these loops
computes every sample anew. Here a sample is evaluated once, with its three slopes by the Miller indices; everything
else follows from these four numbers: sums over orientations for the scattering vectors and the number of cells, and
matrix products for the direct vectors.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Float

from nbjax.numerics import Components
from nbjax.physics.shapes import SHAPES
from nbjax.pipeline.block import block_slopes
from nbjax.pipeline.sample import Low, Scatterer, sample_indices, sample_scatterer

AT_ONCE = 5
"""Orientations that share a loop of the sum, which loads each pixel's scattering vector and sum once for all."""

_IN_BLOCK = {jnp.dtype("float32"): 5, jnp.dtype("float64"): 4}
"""Orientations that the derivative takes at a time, for each type of the intensity: what a block stores of them keeps a
gradient within twice the memory of the image.
"""

_SHARE = 256
"""Pixels that lie together in all fields of a block: a loop that reads them more than once finds them in the cache."""

_PER_ANGSTROM = 1e-10
"""Scattering vectors in 1/A and direct vectors in A keep 32-bit products of both with slopes in range."""


def _orientation_sum(
    weight: Float[Array, " pixels"],
    scatterer: Scatterer,
    direct_m: Float[Array, "orientations 3 3"],
    q_per_m: Components,
    low: Low,
) -> Float[Array, " pixels"]:
    """Weighted sum of the intensities of all orientations.

    Args:
        weight: of each pixel.
        scatterer: what the orientations share.
        direct_m: direct vectors a, b, c as rows, for each orientation.
        q_per_m: scattering vector of each pixel.
        low: what the vectors and q lack to 64 bits; only with precision ``single``. A constant.
    """

    def step(total: Array, item: tuple[Array, Array | None]) -> tuple[Array, None]:
        indices = sample_indices(item[0], q_per_m, _low(item[1], low))
        return (total + sample_scatterer(scatterer, *indices).intensity).astype(total.dtype), None

    at_once = divisor(len(direct_m), AT_ONCE)
    items = direct_m, None if low is None else low[0]
    total, _ = jax.lax.scan(jax.checkpoint(step), jnp.zeros_like(weight), items, unroll=at_once)
    return weight * total


orientation_sum = jax.custom_jvp(_orientation_sum)


@partial(orientation_sum.defjvp, symbolic_zeros=True)
def _orientation_sum_jvp(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Array, Array]:
    value = orientation_sum(*primals)
    primals, tangents = _amplitude_in_weight(primals, tangents)
    weight, scatterer, direct_m, q_per_m, low = primals
    weight_t, scatterer_t, direct_t, q_t, _ = tangents
    dtype = scatterer.factors.default.dtype
    cells_move = not all(_is_still(t) for t in scatterer_t.cells)
    pixels = weight.shape[-1]
    shares = divisor(pixels, max(1, pixels // _SHARE))

    def shared_out(fields: list[Array]) -> Float[Array, "shares fields pixels"]:
        return jnp.stack([field.reshape(shares, -1) for field in fields], 1)

    # tangents of each field that is summed over orientations
    by_q_t = shared_out([weight * _moved(t, x) * _PER_ANGSTROM for t, x in zip(q_t, q_per_m, strict=True)])
    cells = zip(scatterer_t.cells, scatterer.cells, strict=True)
    sums_t = [_moved(weight_t, weight).reshape(shares, -1)]
    if cells_move:
        sums_t.append(shared_out([weight * (_moved(t, n) / n) for t, n in cells]))

    low_q = None if low is None else low[1]
    share_weight, share_q, low_q = jax.tree.map(lambda x: x.reshape(shares, -1), (weight, q_per_m, low_q))
    q = shared_out([x * _PER_ANGSTROM for x in q_per_m]).astype(dtype)

    size = divisor(len(direct_m), _IN_BLOCK[jnp.dtype(dtype)])
    items = direct_m, None if low is None else low[0], None if _is_still(direct_t) else direct_t
    blocks = jax.tree.map(lambda rows: rows.reshape(-1, size, *rows.shape[1:]), items)

    def of_shares(fields: Any) -> Array:
        return _change_of_shares(scatterer, cells_move, blocks, None if low is None else low[0], fields)

    fields = share_weight, share_q, low_q, q, by_q_t, sums_t
    groups = 1 if scatterer.block is None else divisor(shares, max(1, pixels // scatterer.block))
    if groups == 1:
        change = of_shares(fields)
    else:
        grouped = jax.tree.map(lambda field: field.reshape(groups, -1, *field.shape[1:]), fields)
        change = jax.lax.map(jax.checkpoint(of_shares, prevent_cse=False), grouped)
    return value, change.reshape(-1) + _change_by_the_rest(primals, scatterer_t)


def _amplitude_in_weight(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
    """The same sum with one electron for an amplitude that no table varies, whose square goes into the weight.

    The weight's derivative is known for nothing; by amplitudes of a table every sample is computed once more.
    """
    (weight, scatterer, *rest), (weight_t, scatterer_t, *rest_t) = primals, tangents
    if scatterer.factors.values is not None:
        return primals, tangents
    amplitude, amplitude_t = scatterer.factors.default, scatterer_t.factors.default
    square = (amplitude * amplitude).astype(weight.dtype)
    change = _moved(weight_t, weight) * square
    if not _is_still(amplitude_t):
        change = change + weight * (2 * amplitude * amplitude_t).astype(weight.dtype)
    unit = replace(scatterer, factors=replace(scatterer.factors, default=jnp.ones_like(amplitude)))
    still: Any = SymbolicZero(jax.typeof(amplitude))
    unit_t = replace(scatterer_t, factors=replace(scatterer_t.factors, default=still))
    return (weight * square, unit, *rest), (change, unit_t, *rest_t)


def _change_of_shares(
    scatterer: Scatterer, cells_move: bool, blocks: Any, vectors_low: Array | None, fields: Any
) -> Array:
    """Tangent of the sum by everything that ``block_slopes`` knows, shape (shares, pixels)."""
    share_weight, share_q, low_q, q, by_q_t, sums_t = fields
    dtype = scatterer.factors.default.dtype
    share_low = None if vectors_low is None else (vectors_low, low_q)

    def step(change: Array, item: tuple[Array, Array | None, Array | None]) -> tuple[Array, None]:
        block_m, block_low, block_t = item
        rows, sums = block_slopes(cells_move, scatterer, block_m, share_q, _low(block_low, share_low))
        vectors = (block_m / _PER_ANGSTROM).reshape(-1, 3).astype(dtype)
        by_q = sum(rows[:, k, None] * vector[:, None] for k, vector in enumerate(vectors))
        change = change + sums[0] * sums_t[0] + (by_q * by_q_t).sum(1)
        if cells_move:
            change = change + (sums[1] * sums_t[1]).sum(1)
        if block_t is not None:
            turned = (block_t / _PER_ANGSTROM).reshape(-1, 3).astype(dtype)
            for j in range(3):
                # a copy for each share: one product with all of them would want their pixels in one row
                copies = jnp.broadcast_to(turned[:, j], (len(rows), 1, len(turned)))
                change = change + share_weight * q[:, j] * jnp.matmul(copies, rows, precision="highest")[:, 0]
        return change.astype(share_weight.dtype), None

    start = jnp.zeros_like(share_weight)
    return jax.lax.scan(jax.checkpoint(step, prevent_cse=False), start, blocks)[0]


def has_orientation_sum(scatterer: Scatterer) -> bool:
    """Whether the slopes of a sample are those of its lattice factor alone, and its block has no shear."""
    return not scatterer.factors.interpolate and scatterer.off_diagonal is None


def _change_by_the_rest(primals: tuple[Any, ...], scatterer_t: Scatterer) -> Array | float:
    """Tangent by structure factors and by the scale of the spot radius, which some shapes have none of, as it comes."""
    weight, scatterer, *rest = primals
    if not SHAPES[scatterer.shape].has_fudge:
        still: Any = SymbolicZero(jax.typeof(scatterer.fudge))
        scatterer_t = replace(scatterer_t, fudge=still)
    values, tree = jax.tree.flatten((scatterer.factors, scatterer.fudge))
    moved_t = jax.tree.leaves((scatterer_t.factors, scatterer_t.fudge), is_leaf=_is_still)
    moving = [i for i, t in enumerate(moved_t) if not _is_still(t)]
    if not moving:
        return 0.0

    def of(*moved: Array) -> Array:
        every = list(values)
        for i, value in zip(moving, moved, strict=True):
            every[i] = value
        factors, fudge = jax.tree.unflatten(tree, every)
        return _orientation_sum(weight, replace(scatterer, factors=factors, fudge=fudge), *rest)

    return jax.jvp(of, tuple(values[i] for i in moving), tuple(moved_t[i] for i in moving))[1]


def _low(vectors_low: Array | None, low: Low) -> Low:
    return None if low is None or vectors_low is None else (vectors_low, low[1])


def _is_still(tangent: Any) -> bool:
    return isinstance(tangent, SymbolicZero)


def _moved(tangent: Any, value: Array) -> Array:
    return jnp.zeros_like(value) if _is_still(tangent) else tangent


def divisor(count: int, most: int) -> int:
    """The largest number up to ``most`` that divides ``count``: as many orientations share one loop, none left over."""
    return next(size for size in range(most, 0, -1) if count % size == 0)
