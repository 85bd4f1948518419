"""The structure factor of a unit cell: nearest table entry, or tricubic interpolation between entries."""

from __future__ import annotations

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float

from nbjax.fields import STATIC
from nbjax.numerics import Components


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class StructureFactors:
    """Amplitudes in electrons on a dense box of Miller indices.

    Attributes:
        values: shape (h, k, l), or None when every reflection has the default amplitude.
        default: amplitude outside the box.
        minimum: Miller indices of ``values[0, 0, 0]``.
        interpolate: between entries, instead of taking the nearest.
    """

    values: Float[Array, "h k l"] | None
    default: Float[Array, ""]
    minimum: tuple[int, int, int] = field(metadata=STATIC)
    interpolate: bool = field(default=False, metadata=STATIC)

    def at(self, hkl: Components, index: Components) -> Array:
        """Amplitude at fractional and nearest whole Miller indices; a single number if there is no box."""
        if not self.interpolate:
            return nearest(self, index)
        return jnp.where(leaves_box(self, hkl), self.default, tricubic(self, hkl))


def nearest(factors: StructureFactors, index: Components) -> Array:
    """Amplitude at whole Miller indices, the default outside the box; a single number if there is no box."""
    if factors.values is None:
        return factors.default
    position = [i.astype(jnp.int32) - low for i, low in zip(index, factors.minimum, strict=True)]
    inside = jnp.ones(index[0].shape, bool)
    for i, size in zip(position, factors.values.shape, strict=True):
        inside &= (i >= 0) & (i < size)
    return jnp.where(inside, _gather(factors.values, position), factors.default)


def leaves_box(factors: StructureFactors, hkl: Components) -> Bool[Array, "..."]:
    """Whether the 4 x 4 x 4 neighbourhood floor - 1 .. floor + 2 of fractional indices leaves the box."""
    assert factors.values is not None
    outside = jnp.zeros(hkl[0].shape, bool)
    for x, low, size in zip(hkl, factors.minimum, factors.values.shape, strict=True):
        floor = jnp.floor(x)
        outside |= (floor - 1 < low) | (floor + 2 > low + size - 1)
    return outside


def tricubic(factors: StructureFactors, hkl: Components) -> Array:
    """Cubic Lagrange interpolation along each axis on the 4 x 4 x 4 neighbourhood; edge entries are repeated."""
    assert factors.values is not None
    dtype = factors.values.dtype
    floors = [jnp.floor(x) for x in hkl]
    weights = [_cubic_weights((x - f).astype(dtype)) for x, f in zip(hkl, floors, strict=True)]
    base = [f.astype(jnp.int32) - low for f, low in zip(floors, factors.minimum, strict=True)]
    total = jnp.zeros(hkl[0].shape, dtype)
    for i in range(4):
        plane = jnp.zeros_like(total)
        for j in range(4):
            line = jnp.zeros_like(total)
            for k in range(4):
                corner = [base[0] + (i - 1), base[1] + (j - 1), base[2] + (k - 1)]
                line += weights[2][k] * _gather(factors.values, corner)
            plane += weights[1][j] * line
        total += weights[0][i] * plane
    return total


def _cubic_weights(t: Array) -> tuple[Array, Array, Array, Array]:
    """Lagrange weights of the nodes -1, 0, 1, 2 at 0 <= t < 1."""
    return (
        -t * (t - 1) * (t - 2) / 6,
        (t + 1) * (t - 1) * (t - 2) / 2,
        -(t + 1) * t * (t - 2) / 2,
        (t + 1) * t * (t - 1) / 6,
    )


def _gather(values: Array, position: list[Array]) -> Array:
    nh, nk, nl = values.shape
    h, k, l = (jnp.clip(i, 0, n - 1) for i, n in zip(position, (nh, nk, nl), strict=True))  # noqa: E741
    return values.reshape(-1)[(h * nk + k) * nl + l]
