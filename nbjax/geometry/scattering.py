"""From a point on the detector to the scattering vector."""

from __future__ import annotations

from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from nbjax.numerics import Components, components, dot, norm
from nbjax.pairs.arithmetic import halves

T = TypeVar("T")
Split = tuple[T, T]
"""High and low parts."""


def direction(point_m: Components) -> tuple[Components, Array]:
    """Unit vector from the sample to a point, and the distance (airpath) in m."""
    airpath_m = norm(point_m)
    return (point_m[0] / airpath_m, point_m[1] / airpath_m, point_m[2] / airpath_m), airpath_m


def scattering_vector(diffracted: Components, incident: Components, wavelength_m: Float[Array, ""]) -> Components:
    """Q = (d - i) / lambda in 1/m."""
    return (
        (diffracted[0] - incident[0]) / wavelength_m,
        (diffracted[1] - incident[1]) / wavelength_m,
        (diffracted[2] - incident[2]) / wavelength_m,
    )


def miller_index(vector_m: Float[Array, "3"], q_per_m: Components) -> Array:
    """Fractional Miller index a.q for a direct vector a."""
    return dot(components(vector_m), q_per_m)


@jax.custom_jvp
def miller_indices(direct_m: Float[Array, "3 3"], q_per_m: Components) -> Components:
    """Fractional h, k, l = (a.q, b.q, c.q) for direct vectors a, b, c as rows."""
    h, k, l = (miller_index(row, q_per_m) for row in direct_m)  # noqa: E741
    return h, k, l


def nearest_index(index: Array) -> Array:
    """The nearest whole Miller index; of two as near the lower one."""
    return jnp.ceil(index - 0.5)


@miller_indices.defjvp
def _miller_indices_jvp(
    primals: tuple[Array, Components], tangents: tuple[Array, Components]
) -> tuple[Components, Components]:
    # products of a row and a matrix have transposes that are such products, not nine sums over all pixels; the barrier
    # keeps XLA from computing what arrives at the indices again for each of their uses
    direct_m, q_per_m = primals
    stacked = jnp.stack(q_per_m)
    by_vectors = (jnp.tensordot(row, stacked, 1) for row in tangents[0])
    by_q = (dot(components(row), tangents[1]) for row in direct_m)
    h, k, l = (dq + dv for dq, dv in zip(by_q, by_vectors, strict=True))  # noqa: E741
    return miller_indices(direct_m, q_per_m), jax.lax.optimization_barrier((h, k, l))


@jax.custom_jvp
def miller_indices_in_pairs(direct_m: Split[Array], q_per_m: Split[Components]) -> tuple[Components, Components]:
    """Nearest whole h, k, l and the distances from them, of vectors given as (high, low) pairs of 32-bit floats.

    Each vector component is halved into 12 leading bits and a rest. Products of two leading parts are exact, so that
    their whole numbers are taken off without loss; products with a rest are small. The distances are good to 1e-7.

    Args:
        direct_m: rows a, b, c, shape (3, 3) each.
        q_per_m: scattering vector.
    """
    q = [halves(x) for x in q_per_m[0]]
    rest = [x + low for (_, x), low in zip(q, q_per_m[1], strict=True)]
    whole, distance = [], []
    for row, row_low in zip(*direct_m, strict=True):
        count = exact = small = jnp.zeros_like(rest[0])
        for component, low, (q_lead, _), q_high, q_rest in zip(row, row_low, q, q_per_m[0], rest, strict=True):
            lead, left = halves(component)
            product = lead * q_lead
            rounded = jnp.round(product)
            count, exact = count + rounded, exact + (product - rounded)
            small = small + (lead * q_rest + (left + low) * q_high)
        rounded = jnp.round(exact)
        count, delta = count + rounded, (exact - rounded) + small
        rounded = jnp.round(delta)
        whole.append(count + rounded)
        distance.append(delta - rounded)
    return tuple(whole), tuple(distance)  # type: ignore[return-value]


@miller_indices_in_pairs.defjvp
def _miller_indices_in_pairs_jvp(primals: tuple[Any, Any], tangents: tuple[Any, Any]) -> Any:
    (direct_m, q_per_m), (direct_t, q_t) = primals, tangents
    _, distance_t = jax.jvp(miller_indices, (direct_m[0], q_per_m[0]), (direct_t[0], q_t[0]))
    whole, distance = miller_indices_in_pairs(direct_m, q_per_m)
    return (whole, distance), (jax.tree.map(jnp.zeros_like, whole), distance_t)


def is_resolved(q_per_m: Components, resolution_limit_m: Float[Array, ""]) -> Array:
    """Whether a sample's spacing 1/|q| is at or above the limit."""
    return norm(q_per_m) * resolution_limit_m <= 1.0
