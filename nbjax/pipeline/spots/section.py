"""What the Ewald sphere cuts out of a reflection, which is a Gaussian of reciprocal space."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.stats import norm
from jaxtyping import Float

from nbjax.pipeline.closed.crossing import Passage, excess_of, range_rad
from nbjax.pipeline.closed.spread import Lattice, covariance
from nbjax.pipeline.spots.equivalent import Equivalent
from nbjax.rotations import about_axis

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(32)
_REACH = 6.5
"""Standard deviations up to which a reflection is followed through the sphere."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Section:
    """What is recorded of a reflection.

    Attributes:
        star: G at the passage.
        excitation: distance from the sphere there, positive outside.
        share: of its rocking curve; of a still, its height over the largest.
        density: of its profile in m, the mean over the exposure.
        mean_rad: spindle angle of what is recorded, from that of the passage.
        diffracted: unit direction of its mean.
        smear: its covariance across this direction, in squared radians.
    """

    star: Float[Array, "3"]
    excitation: Float[Array, ""]
    share: Float[Array, ""]
    density: Float[Array, ""]
    mean_rad: Float[Array, ""]
    diffracted: Float[Array, "3"]
    smear: Float[Array, "3 3"]


def section_of(seen: Equivalent, lattice: Lattice, hkl: Float[Array, "3"], passage: Passage) -> Section:
    """The section of a reflection in a part of the rotation.

    Its spread is that at the passage; its middle turns.

    Args:
        seen: what lights it up.
        lattice: at the angle of the passage.
        hkl: Miller indices.
        passage: the part of the rotation.
    """
    star = hkl @ lattice.stars
    excitation, normal = _outside(seen, star)
    smear = covariance(lattice, seen.spread, seen.wavelength_m, hkl)
    along = smear @ normal
    sigma = jnp.sqrt(normal @ along)
    angles, weights, width = _exposed(seen, star, sigma, passage)
    middles = jax.vmap(lambda angle: about_axis(lattice.axis, angle) @ star)(angles)
    errors, _ = jax.vmap(lambda middle: _outside(seen, middle))(middles)
    exponents = -0.5 * (errors / sigma) ** 2
    heights = weights * jnp.exp(exponents)
    # far from the sphere too there is a mean
    parts = jax.nn.softmax(exponents + jnp.log(weights))
    points = seen.incident / seen.wavelength_m + middles - errors[:, None] * along / sigma**2
    middle = parts @ points
    off = points - middle
    smear = smear - along[:, None] * along / sigma**2 + (parts[:, None] * off).T @ off
    return Section(
        star=star,
        excitation=excitation,
        share=heights.sum() if seen.is_still else _passed(seen, star, sigma, passage),
        density=heights.sum() * width / (jnp.sqrt(2 * jnp.pi) * sigma),
        mean_rad=parts @ angles,
        diffracted=middle / jnp.linalg.norm(middle),
        smear=smear * seen.wavelength_m**2,
    )


def _outside(seen: Equivalent, star: Float[Array, "3"]) -> tuple[Float[Array, ""], Float[Array, "3"]]:
    """Distance from the Ewald sphere, and its normal there."""
    leaving = seen.incident / seen.wavelength_m + star
    length = jnp.linalg.norm(leaving)
    return length - 1 / seen.wavelength_m, leaving / length


def _exposed(
    seen: Equivalent, star: Float[Array, "3"], sigma: Float[Array, ""], passage: Passage
) -> tuple[Float[Array, " nodes"], Float[Array, " nodes"], Float[Array, ""]]:
    """Angles from that of the passage at which the reflection is near the sphere, their weights, which add up to one,
    and the part of the exposure that they cover.
    """
    dtype = star.dtype
    if seen.is_still:
        return jnp.zeros(1, dtype), jnp.ones(1, dtype), jnp.ones((), dtype)
    before, after = passage.start_rad - passage.angle_rad, passage.end_rad - passage.angle_rad
    ball = 1 / seen.wavelength_m
    excess = excess_of(star, seen.crystal.spindle.axis, seen.incident, seen.wavelength_m)
    halves = excess.halves(0.5 * (before + after))
    edges = jnp.sort(
        jnp.stack([excess.angle_rad(halves, (ball + way * _REACH * sigma) ** 2 - ball**2) for way in (-1, 1)])
    )
    # nothing is recorded there, so that they have no derivatives
    first, last = jnp.clip(jax.lax.stop_gradient(edges), before, after)
    angles = first + (last - first) * 0.5 * (1 + jnp.asarray(_NODES, dtype))
    return angles, jnp.asarray(0.5 * _WEIGHTS, dtype), (last - first) / jnp.abs(range_rad(seen.crystal.spindle))


def _passed(seen: Equivalent, star: Float[Array, "3"], sigma: Float[Array, ""], passage: Passage) -> Float[Array, ""]:
    """The part of the Gaussian that passes the sphere."""
    axis = seen.crystal.spindle.axis
    ends = (
        _outside(seen, about_axis(axis, end - passage.angle_rad) @ star)[0] / sigma
        for end in (passage.start_rad, passage.end_rad)
    )
    low, high = jnp.sort(jnp.stack(list(ends)))
    # of two numbers near one, their differences from it
    below, above = jnp.where(low > 0, -high, low), jnp.where(low > 0, -low, high)
    return norm.cdf(above) - norm.cdf(below)
