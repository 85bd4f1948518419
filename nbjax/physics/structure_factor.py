"""The structure factor of a unit cell: nearest table entry, or tricubic interpolation between entries.

With anomalous scattering F = F0 + sum of (f' + i f'') times what each element's atoms give, linear in f' and f''. A
table for each of a few wavelengths, its channels, holds the complex F; at a wavelength between two channels f' and f''
are interpolated linearly, and so is F, whose absolute value is the amplitude.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float

from nbjax.fields import STATIC
from nbjax.numerics import Components, norm


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class StructureFactors:
    """Amplitudes in electrons on a dense box of Miller indices.

    Attributes:
        values: shape (h, k, l), or None when every reflection has the default amplitude; with channels the real and
            imaginary parts of F, shape (channels, 2, h, k, l).
        default: amplitude outside the box.
        minimum: Miller indices of ``values[..., 0, 0, 0]``.
        interpolate: between entries, instead of taking the nearest.
        wavelengths_m: of the channels, rising, shape (channels,) of two or more; None: one table for all wavelengths.
        channel: number of the channel that is looked up, with a fraction; see ``seen_at``.
    """

    values: Float[Array, "h k l"] | Float[Array, "channels 2 h k l"] | None
    default: Float[Array, ""]
    minimum: tuple[int, int, int] = field(metadata=STATIC)
    interpolate: bool = field(default=False, metadata=STATIC)
    wavelengths_m: Float[Array, " channels"] | None = None
    channel: Float[Array, ""] | None = None

    def seen_at(self, wavelength_m: Float[Array, ""]) -> StructureFactors:
        """The same for one wavelength; beyond the first and last channels as at these."""
        if self.wavelengths_m is None:
            return self
        numbers = jnp.arange(len(self.wavelengths_m), dtype=self.wavelengths_m.dtype)
        return replace(self, channel=jnp.interp(wavelength_m, self.wavelengths_m, numbers))

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
    for i, size in zip(position, factors.values.shape[-3:], strict=True):
        inside &= (i >= 0) & (i < size)
    return jnp.where(inside, _entries(factors, position), factors.default)


def leaves_box(factors: StructureFactors, hkl: Components) -> Bool[Array, "..."]:
    """Whether the 4 x 4 x 4 neighbourhood floor - 1 .. floor + 2 of fractional indices leaves the box."""
    assert factors.values is not None
    outside = jnp.zeros(hkl[0].shape, bool)
    for x, low, size in zip(hkl, factors.minimum, factors.values.shape[-3:], strict=True):
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
                line += weights[2][k] * _entries(factors, corner)
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


def _entries(factors: StructureFactors, position: list[Array]) -> Array:
    """Amplitudes at places in the box; those of the edge outside."""
    values = factors.values
    assert values is not None
    nh, nk, nl = values.shape[-3:]
    h, k, l = (jnp.clip(i, 0, n - 1) for i, n in zip(position, (nh, nk, nl), strict=True))  # noqa: E741
    if factors.wavelengths_m is None:
        return values.reshape(-1)[(h * nk + k) * nl + l]
    return _between_channels(factors, (h * nk + k) * nl + l)


def _between_channels(factors: StructureFactors, place: Array) -> Array:
    """|F| at the channel that ``seen_at`` has set, F being linear between whole channels."""
    values, channel = factors.values, factors.channel
    assert values is not None
    assert channel is not None
    count = values.shape[0]
    first = jnp.clip(jnp.floor(channel), 0, count - 2).astype(jnp.int32)
    rest = (channel - first).astype(values.dtype)
    flat = values.reshape(count, 2, -1)

    def part(number: int) -> Array:
        return (1 - rest) * flat[first, number, place] + rest * flat[first + 1, number, place]

    return norm((part(0), part(1), jnp.zeros((), values.dtype)))
