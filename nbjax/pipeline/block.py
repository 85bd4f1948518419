"""What the derivative of a sum over a few orientations is made of, step by step.

On CPUs every step is one loop over all samples, whose results the next steps read: what two steps share is computed
once, and each loop is small enough for a core to work on many samples at a time. Other compilers merge the steps as
they like. Fields have axes (shares, orientations, pixels), or with one for h, k and l before the last, and the type of
the intensity.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, reduce
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from nbjax.geometry.scattering import miller_index, nearest_index
from nbjax.held import apart, held
from nbjax.numerics import Components
from nbjax.physics.shapes import SHAPES
from nbjax.physics.shapes.distances import as_floats, fixed_point
from nbjax.pipeline.sample import Low, Scatterer, sample_indices

Hold = Callable[..., Any]
"""Applies a function to arguments, as ``nbjax.held.held`` does."""

Sums = tuple[Array, ...]
"""Sums over orientations: of the intensity, shape (shares, pixels), and, where the cells move, of its derivatives by
ln N of each axis, shape (shares, 3, pixels).
"""

Pair = Array | tuple[Array, Array]
"""Two fields; complex numbers where one loop makes both."""


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def block_slopes(
    cells_move: bool, scatterer: Scatterer, direct_m: Float[Array, "orientations 3 3"], q_per_m: Components, low: Low
) -> tuple[Float[Array, "shares rows pixels"], Sums]:
    """Derivatives of the intensity of a few orientations.

    Args:
        cells_move: whether they are asked for by the cells.
        scatterer: what the orientations share.
        direct_m: direct vectors a, b, c as rows, for each orientation.
        q_per_m: scattering vectors, shape (shares, pixels) each.
        low: what the vectors and q lack to 64 bits; only with precision ``single``. A constant.

    Returns:
        The derivatives of each orientation's intensity by its Miller indices, h first; and the sums.
    """
    return _on_platform(lambda hold: partial(_block_slopes, hold, cells_move), held, scatterer, direct_m, q_per_m, low)


@block_slopes.defjvp
def _block_slopes_jvp(cells_move: bool, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> Any:
    def moved(hold: Hold) -> Callable[..., Any]:
        return lambda primals, tangents: jax.jvp(partial(_block_slopes, hold, cells_move), primals, tangents)

    return _on_platform(moved, apart, primals, tangents)


def _on_platform(function: Callable[[Hold], Callable[..., Any]], hold: Hold, *arguments: Any) -> Any:
    return jax.lax.platform_dependent(*arguments, cpu=function(hold), default=function(_directly))


def _directly(function: Callable[..., Any], *arguments: Any) -> Any:
    return function(*arguments)


def _block_slopes(
    hold: Hold, cells_move: bool, scatterer: Scatterer, direct_m: Array, q_per_m: Components, low: Low
) -> tuple[Array, Sums]:
    # whole numbers have no derivatives
    delta = hold(partial(_distances, hold is held), scatterer, direct_m, q_per_m, low)
    structure = jnp.broadcast_to(scatterer.factors.default, (1, 1, 1))
    if scatterer.factors.values is not None:
        structure = hold(_structure_factors, scatterer, direct_m, q_per_m, low)
    squares = hold(partial(_squares, hold is not _directly), scatterer, delta)
    rows = hold(_slopes, scatterer, delta, squares, structure)
    intensity = hold(_intensities, squares, structure)
    sums: Sums = (_added(intensity),)
    if cells_move:
        sums = (*sums, hold(_growth, scatterer, delta, rows, intensity))
    return rows.reshape(len(rows), -1, rows.shape[-1]), sums


def _distances(briefly: bool, scatterer: Scatterer, direct_m: Array, q_per_m: Components, low: Low) -> Array:
    """Distances of h, k and l from the nearest whole numbers; briefly in 32 bits if the intensity is.

    They are floats of the type of their origin, or from ``fixed_point``.
    """
    if low is not None:
        return _indices(lambda hkl, index, delta: jnp.stack(delta), direct_m, q_per_m, low)
    # where the origin has 32 bits too, there is nothing to shorten
    briefly &= scatterer.factors.default.dtype == jnp.float32 and q_per_m[0].dtype == jnp.float64

    def of_axis(q: Components, vector: Array) -> Array:
        index = miller_index(vector, q)
        delta = index - nearest_index(index)
        return fixed_point(delta) if briefly else delta

    # one loop makes all three, which it would not if they were stacked
    return jax.vmap(lambda q: jax.vmap(jax.vmap(partial(of_axis, q)))(direct_m))(q_per_m)


def _structure_factors(scatterer: Scatterer, direct_m: Array, q_per_m: Components, low: Low) -> Array:
    return _indices(lambda hkl, index, delta: scatterer.factors.at(hkl, index), direct_m, q_per_m, low)


def _indices(function: Callable[..., Array], direct_m: Array, q_per_m: Components, low: Low) -> Array:
    """``function`` of what ``sample_indices`` returns, of each share and orientation."""
    rest, low_q = (None, None) if low is None else low

    def of_share(q: Components, low_q: Components | None) -> Array:
        def of_one(vectors: Array, rest: Array | None) -> Array:
            return function(*sample_indices(vectors, q, None if rest is None or low_q is None else (rest, low_q)))

        return jax.vmap(of_one)(direct_m, rest)

    return jax.vmap(of_share)(q_per_m, low_q)


def _squares(as_one: bool, scatterer: Scatterer, delta: Array) -> Pair:
    """Factors of the squared lattice factor, and what its slopes are made of."""
    dtype = scatterer.factors.default.dtype
    square, half = SHAPES[scatterer.shape].squares(delta, scatterer.cells, scatterer.fudge, dtype)
    return jax.lax.complex(square, half) if as_one else (square, half)


def _slopes(scatterer: Scatterer, delta: Array, squares: Pair, structure: Array) -> Array:
    """Derivatives of the intensities by h, k and l."""
    slopes = SHAPES[scatterer.shape].slopes_of_square(delta, scatterer.cells, _parts(squares))
    return (structure * structure)[:, :, None] * slopes


def _intensities(squares: Pair, structure: Array) -> Array:
    factors, _ = _parts(squares)
    return structure * structure * reduce(jnp.multiply, (factors[:, :, i] for i in range(factors.shape[2])))


def _growth(scatterer: Scatterer, delta: Array, rows: Array, intensity: Array) -> Array:
    """Derivatives by ln N, summed over orientations."""
    small = as_floats(delta, rows.dtype)
    growth = SHAPES[scatterer.shape].growth(small, scatterer.cells, scatterer.fudge)
    return _added(small * rows + 2 * intensity[:, :, None] * growth)


def _parts(pair: Pair) -> tuple[Array, Array]:
    if isinstance(pair, tuple):
        return pair
    first, second = jnp.real(pair), jnp.imag(pair)
    # LLVM leaves the last lanes of a loop to a slow one where that reads every other number alone
    return first + 0 * second, second + 0 * first


def _added(field: Array) -> Array:
    """Sum over the orientations, by one loop."""
    return reduce(jnp.add, (field[:, i] for i in range(field.shape[1])))
