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

from nbjax import together
from nbjax.experiment import Experiment
from nbjax.numerics import Components
from nbjax.physics import lattice_factor
from nbjax.pipeline.sample import Domain, Low, lattice_slopes, sample_domain, sample_indices, sample_structure
from nbjax.pipeline.scene import Scene

_UNROLLED = 5
"""Orientations that share one loop of the sum: each pixel's scattering vector and sum are loaded once for all."""

_SWEPT = {jnp.dtype("float32"): 4, jnp.dtype("float64"): 2}
"""Orientations whose slopes are in memory at a time: even numbers, which two threads share out evenly."""

_PER_ANGSTROM = 1e-10
"""Scattering vectors in 1/A and direct vectors in A keep 32-bit products of both with slopes in range."""


def _orientation_sum(
    weight: Float[Array, " pixels"],
    domain: Domain,
    direct_m: Float[Array, "orientations 3 3"],
    q_per_m: Components,
    low: Low,
) -> Float[Array, " pixels"]:
    """Weighted sum of the intensities of all orientations.

    Args:
        weight: of each pixel.
        domain: what the orientations share.
        direct_m: direct vectors a, b, c as rows, for each orientation.
        q_per_m: scattering vector of each pixel.
        low: what the vectors and q lack to 64 bits; only with precision ``single``. A constant.
    """

    def step(total: Array, item: tuple[Array, Array | None]) -> tuple[Array, None]:
        indices = sample_indices(item[0], q_per_m, _low(item[1], low))
        return (total + sample_domain(domain, *indices).intensity).astype(total.dtype), None

    at_once = divisor(len(direct_m), _UNROLLED)
    items = direct_m, None if low is None else low[0]
    total, _ = jax.lax.scan(jax.checkpoint(step), jnp.zeros_like(weight), items, unroll=at_once)
    return weight * total


orientation_sum = jax.custom_jvp(_orientation_sum)


@partial(orientation_sum.defjvp, symbolic_zeros=True)
def _orientation_sum_jvp(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Array, Array]:
    weight, domain, direct_m, q_per_m, low = primals
    weight_t, domain_t, direct_t, q_t, _ = tangents
    dtype = domain.factors.default.dtype
    cells_move = not all(_is_still(t) for t in domain_t.cells)
    q = jnp.stack([x * _PER_ANGSTROM for x in q_per_m]).astype(dtype)

    # one row of tangents for each field that is summed over orientations
    rows = [
        _moved(weight_t, weight),
        *(weight * _moved(t, x) * _PER_ANGSTROM for t, x in zip(q_t, q_per_m, strict=True)),
    ]
    if cells_move:
        cells = zip(domain_t.cells, domain.cells, strict=True)
        rows += [weight * (_moved(t, n) / n) for t, n in cells]
    rows_t = jnp.stack(rows)

    def step(change: Array, item: tuple[Array, Array | None, Array | None]) -> tuple[Array, None]:
        block_m, block_low, block_t = item
        rows, fields = block_slopes(cells_move, domain, block_m, q_per_m, _low(block_low, low))
        change = change + (fields * rows_t).sum(0)
        if block_t is not None:
            turned = jnp.moveaxis(block_t / _PER_ANGSTROM, 1, 0).reshape(-1, 3).astype(dtype)
            for j in range(3):
                change = change + weight * q[j] * jnp.matmul(turned[:, j], rows, precision="highest")
        return change.astype(weight.dtype), None

    size = divisor(len(direct_m), _SWEPT[jnp.dtype(dtype)])
    items = direct_m, None if low is None else low[0], None if _is_still(direct_t) else direct_t
    blocks = jax.tree.map(lambda rows: rows.reshape(-1, size, *rows.shape[1:]), items)
    change, _ = jax.lax.scan(jax.checkpoint(step, prevent_cse=False), jnp.zeros_like(weight), blocks)
    return orientation_sum(*primals), change + _change_by_the_rest(primals, domain_t)


def has_orientation_sum(experiment: Experiment, scene: Scene) -> bool:
    """Whether the slopes of a sample are those of its lattice factor alone, and of the shapes of ``growth``."""
    return not experiment.crystal.interpolate and scene.parity.reciprocal_per_A is None


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def block_slopes(
    cells_move: bool, domain: Domain, direct_m: Float[Array, "orientations 3 3"], q_per_m: Components, low: Low
) -> tuple[Float[Array, "rows pixels"], Float[Array, "fields pixels"]]:
    """What the derivative of a sum over a few orientations is made of.

    Returns:
        The derivatives of each orientation's intensity by its Miller indices, h first; and sums over orientations: the
        intensity, its derivatives by the components of q in 1/A, and, if the cells move, by ln N of each axis.
    """
    if low is None and q_per_m[0].dtype == jnp.float64:
        tied = partial(_block_slopes_in_few_loops, cells_move)
        return jax.lax.platform_dependent(
            domain, direct_m, q_per_m, cpu=tied, default=partial(_block_slopes, cells_move, low=None)
        )
    return _block_slopes(cells_move, domain, direct_m, q_per_m, low)


@block_slopes.defjvp
def _block_slopes_jvp(cells_move: bool, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> Any:
    return block_slopes(cells_move, *primals), jax.jvp(partial(_block_slopes, cells_move), primals, tangents)[1]


def _block_slopes(
    cells_move: bool, domain: Domain, direct_m: Array, q_per_m: Components, low: Low
) -> tuple[Array, Array]:
    slopes = _slopes(domain, direct_m, q_per_m, low)
    rows = [[field[r] for field in slopes] for r in range(len(direct_m))]
    fields = _sums(rows, direct_m)
    if cells_move:
        fields += _growths(rows, domain, direct_m, q_per_m, low)
    return jnp.concatenate(slopes[1:]), jnp.stack(fields)


def _block_slopes_in_few_loops(
    cells_move: bool, domain: Domain, direct_m: Array, q_per_m: Components
) -> tuple[Array, Array]:
    dtype = domain.factors.default.dtype

    def rows(words: list[Array]) -> list[list[Array]]:
        return [[together.field([word[r] for word in words], i, dtype) for i in range(4)] for r in range(len(direct_m))]

    words = together.in_one_loop(_slopes, domain, direct_m, q_per_m, None)
    sums = together.in_one_loop(lambda words, *at: _sums(rows(words), *at), words, direct_m)
    found = together.fields(sums, range(4), dtype)
    if cells_move:
        growths = together.in_one_loop(
            lambda words, *at: _growths(rows(words), *at), words, domain, direct_m, q_per_m, None
        )
        found = jnp.concatenate([found, together.fields(growths, range(3), dtype)])
    return together.fields(words, range(1, 4), dtype).reshape(-1, words[0].shape[-1]), found


def _slopes(domain: Domain, direct_m: Array, q_per_m: Components, low: Low) -> list[Array]:
    """Intensity, and its derivatives by h, k and l, shape (orientations, pixels) each."""
    hkl, index, delta = _block_indices(direct_m, q_per_m, low)
    lattice, slopes = lattice_slopes(domain, delta)
    structure = sample_structure(domain, hkl, index)
    twice = 2 * structure * structure * lattice
    return [structure * structure * lattice * lattice, *(twice * slope for slope in slopes)]


def _sums(rows: list[list[Array]], direct_m: Array) -> list[Array]:
    """Sums over orientations of the intensity and of its derivatives by the components of q in 1/A, shape (pixels,)."""
    vectors = (direct_m / _PER_ANGSTROM).astype(rows[0][0].dtype)
    intensity, *by_q = (jnp.zeros_like(rows[0][0]) for _ in range(4))
    for (own, h, k, l), (a, b, c) in zip(rows, vectors, strict=True):  # noqa: E741
        intensity = intensity + own
        by_q = [total + (h * a[j] + k * b[j] + l * c[j]) for j, total in enumerate(by_q)]
    return [intensity, *by_q]


def _growths(rows: list[list[Array]], domain: Domain, direct_m: Array, q_per_m: Components, low: Low) -> list[Array]:
    """Sums over orientations of the derivatives by ln N of each axis, shape (pixels,)."""
    totals = [jnp.zeros_like(rows[0][0]) for _ in range(3)]
    for r, (own, *slopes) in enumerate(rows):
        _, _, delta = sample_indices(direct_m[r], q_per_m, None if low is None else (low[0][r], low[1]))
        for i, (d, slope) in enumerate(zip(delta, slopes, strict=True)):
            small = d.astype(own.dtype)
            totals[i] = totals[i] + (small * slope + 2 * own * lattice_factor.growth(domain.shape, small))
    return totals


def _block_indices(direct_m: Array, q_per_m: Components, low: Low) -> tuple[Components, Components, Components]:
    """Indices as of ``sample_indices``, shape (orientations, pixels)."""
    rest = None if low is None else low[0]
    return jax.vmap(lambda vectors, rest: sample_indices(vectors, q_per_m, _low(rest, low)))(direct_m, rest)


def _change_by_the_rest(primals: tuple[Any, ...], domain_t: Domain) -> Array | float:
    """Tangent by structure factors and by the scale of the spot radius, as it comes."""
    weight, domain, *rest = primals
    values, tree = jax.tree.flatten((domain.factors, domain.fudge))
    moved_t = jax.tree.leaves((domain_t.factors, domain_t.fudge), is_leaf=_is_still)
    moving = [i for i, t in enumerate(moved_t) if not _is_still(t)]
    if not moving:
        return 0.0

    def of(*moved: Array) -> Array:
        every = list(values)
        for i, value in zip(moving, moved, strict=True):
            every[i] = value
        factors, fudge = jax.tree.unflatten(tree, every)
        return _orientation_sum(weight, replace(domain, factors=factors, fudge=fudge), *rest)

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
