"""The photons of one reflection on the pixels about its middle.

With q a pixel's scattering vector and x = q - G, the mean over domains, wavelengths and directions of the squared
lattice factor is (Na Nb Nc)^2 sqrt(det S_N / det S) exp(-x S^-1 x / 2), S being the sum of covariances of
``nbjax.pipeline.closed.spread`` and S_N that of the size. As the crystal turns by an angle, the exponent at a pixel is
that of a still at this angle: a parabola through three of them, and the rotation is a difference of error functions.

Turns are not linear in their angles, nor is q in the wavelength and in the direction of the beam. At each pixel x is
taken about the likeliest of these causes that bring G there, such as a turn w: x = R(-w) q - G + w x G, in the frame of
the turned domain. So arcs are arcs, and without causes nothing changes. ``nbjax.pipeline.closed.lever`` has what that
leaves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import erf
from jaxtyping import Float

from nbjax.experiment import CrystalParameters, Experiment
from nbjax.geometry.unit_cell import invert_basis
from nbjax.linear import cross_matrix, cross_product, determinant
from nbjax.numerics import Components, components, cross, dot, less, norm, plus, scaled
from nbjax.physics.block import cell_count
from nbjax.physics.structure_factor import StructureFactors
from nbjax.pipeline.accumulate import whole_product
from nbjax.pipeline.closed.crossing import Passage, moved_with, range_rad
from nbjax.pipeline.closed.fall_off import fall_off
from nbjax.pipeline.closed.lever import lever
from nbjax.pipeline.closed.spread import BeamSpread, covariance, upright
from nbjax.pipeline.sample import sample_ray
from nbjax.pipeline.scene import RayTable, Scene
from nbjax.pipeline.view import Pixels

_LEAST_STIFFNESS = 1e-8
_LEAST_SQUARE = 1e-30
_LEAST_BEND = 0.03
"""Of the curvature along a rotation, over one over its square: what a rotation has that hardly shows."""
_ROOT_HALF, _ROOT_TURN = float(np.sqrt(0.5)), float(np.sqrt(2 * np.pi))
Matrix = tuple[Components, Components, Components]
"""Rows of a matrix of numbers."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Spot:
    """One reflection of one source in one part of the rotation.

    Attributes:
        star: G at the part's angle, shape (3,).
        inverse: S^-1, shape (3, 3).
        height: mean of F^2 times the squared lattice factor where x is zero; of a rotation for each rad of its range.
        turned: the move of G with the spindle's angle, shape (3,).
        before_rad, after_rad: the part's ends from its angle; both zero for a still.
        turns: covariance of the domains' rotation vectors, shape (3, 3).
        lever: what p = S^-1 x adds to the logarithm of the height, shape (3,).
        index: Miller indices.
        stars, direct: the lattice, and its dual, as rows, shape (3, 3).
    """

    star: Float[Array, "3"]
    inverse: Float[Array, "3 3"]
    height: Float[Array, ""]
    turned: Float[Array, "3"]
    before_rad: Float[Array, ""]
    after_rad: Float[Array, ""]
    turns: Float[Array, "3 3"]
    lever: Float[Array, "3"]
    index: Float[Array, "3"]
    stars: Float[Array, "3 3"]
    direct: Float[Array, "3 3"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Around:
    """What all spots of a crystal share.

    Attributes:
        spread: of the source.
        cell_spread: relative standard deviation of a, b and c; None without disorder.
        axis: unit axis of the spindle, shape (3,); None for a still.
    """

    spread: BeamSpread
    cell_spread: Float[Array, ""] | None
    axis: Float[Array, "3"] | None


def spot_of(
    crystal: CrystalParameters,
    factors: StructureFactors,
    spread: BeamSpread,
    incident: Float[Array, "3"],
    wavelength_m: Float[Array, ""],
    hkl: Float[Array, "3"],
    passage: Passage,
) -> Spot:
    """What a listed reflection is made of."""
    spindle, standing = crystal.spindle, upright(crystal)
    exposure_rad = jnp.abs(range_rad(spindle)) if spindle.steps > 1 else 1.0

    def excess(angle_rad: Array) -> Array:
        leaving = incident / wavelength_m + hkl @ standing.at(angle_rad).stars
        return jnp.dot(leaving, leaving) - 1 / wavelength_m**2

    passage = moved_with(spindle, passage, excess)
    lattice = standing.at(passage.angle_rad)
    star = hkl @ lattice.stars
    smear = covariance(lattice, spread, wavelength_m, hkl)
    amplitude = factors.at(components(hkl), components(hkl))
    # a spot that is never cut by its cell adds up to the number of cells
    peak = cell_count(crystal.cells, crystal.cells_off_diagonal) * crystal.fudge**0.75
    shrunk = jnp.sqrt(determinant(lattice.size) / determinant(smear))
    inverse = invert_basis(smear)
    bending = lever(lattice, spread, (incident, wavelength_m), hkl, (smear, inverse))
    height = (amplitude * peak) ** 2 * shrunk / exposure_rad
    if lattice.fall_off_m2 is not None:
        left, of_size = fall_off(lattice, hkl, inverse)
        height, bending = height * jnp.exp(left), bending + of_size
    return Spot(
        star=star,
        inverse=inverse,
        height=height,
        turned=cross_product(lattice.axis, star),
        before_rad=passage.start_rad - passage.angle_rad,
        after_rad=passage.end_rad - passage.angle_rad,
        turns=lattice.turns,
        lever=bending,
        index=hkl,
        stars=lattice.stars,
        direct=invert_basis(lattice.stars),
    )


def factor_at(experiment: Experiment, scene: Scene, ray: RayTable, slow: Array, fast: Array) -> Array:
    """The product of all that is slow, at points in pixels."""
    (factor,) = whole_product(experiment, sample_ray(experiment, scene, *_at(ray, slow, fast)))
    return factor


def _at(ray: RayTable, slow: Array, fast: Array) -> tuple[Pixels, RayTable]:
    """Places in pixels, and the ray to these, not to the middles of pixels."""
    corner = replace(ray, slow_offset=jnp.zeros_like(ray.slow_offset), fast_offset=jnp.zeros_like(ray.fast_offset))
    return Pixels(slow, fast, jnp.zeros(slow.shape, jnp.int32)), corner


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Exposed:
    """What of a spot's rotation the pixels see: its ends from the spot's angle, and ``_stiffness``."""

    before_rad: Float[Array, "*spots"]
    after_rad: Float[Array, "*spots"]
    stiffness: Float[Array, "*spots"]


def exposed_of(spot: Spot) -> Exposed:
    """The exposure of a spot that turns."""
    return Exposed(spot.before_rad, spot.after_rad, _stiffness(spot))


def shown(exposed: Exposed, exponent: Array, angle: Array, slope: Array, bend: Array) -> Array:
    """Integral over the rotation, of a parabola by its value, slope and curvature at an angle."""
    before, after = exposed.before_rad, exposed.after_rad
    known = 1 / jnp.maximum(after - before, 1e-9) ** 2
    kept = jnp.maximum(bend, jnp.maximum(0.1 * exposed.stiffness, _LEAST_BEND * known))
    # however far from the spot, the least exponent is never much below zero
    kept = jnp.maximum(kept, 0.5 * slope**2 / (jnp.maximum(exponent, 0) + 8))
    away, spread = -slope / kept, jnp.sqrt(kept)
    # what is bent more, so that there is a best angle, is so about the middle
    least = exponent + 0.5 * slope * away - (kept - bend) / (24 * known)
    stretch, best = spread * _ROOT_HALF, angle + away
    passed = erf(stretch * (after - best)) - erf(stretch * (before - best))
    return jnp.exp(-least) * passed * (0.5 * _ROOT_TURN / spread)


def _stiffness(spot: Spot) -> Float[Array, ""]:
    """One over the variance of the angle at which the middle is brightest, in 1/rad^2; hardly any on the axis."""
    return spot.turned @ spot.inverse @ spot.turned + _LEAST_STIFFNESS


def seen_at(
    experiment: Experiment,
    scene: Scene,
    ray: RayTable,
    spot: Spot,
    around: Around,
    slow: Float[Array, "*n"],
    fast: Float[Array, "*n"],
) -> tuple[Float[Array, "*n"], ...]:
    """What points in pixels see: the exponent of a still, or all that ``shown`` takes of a rotation."""
    q = sample_ray(experiment, scene, *_at(ray, slow, fast)).scattering_per_m
    if around.axis is None:
        return (_exponent(spot, around, ray, q, jnp.zeros_like(slow)),)
    return _along_rotation(spot, around, ray, q)


def margin_at(
    experiment: Experiment,
    scene: Scene,
    ray: RayTable,
    spot: Spot,
    around: Around,
    slow: Float[Array, "*n"],
    fast: Float[Array, "*n"],
) -> tuple[Float[Array, "*n"], Float[Array, ""]]:
    """How far points in pixels are within the resolution limit, relative to it, and the variance of this."""
    q = sample_ray(experiment, scene, *_at(ray, slow, fast)).scattering_per_m
    length, variance = _length(spot, around, ray, q)
    limit_m = experiment.resolution_limit_m
    return 1 - length * limit_m, variance * limit_m**2


def _length(spot: Spot, around: Around, ray: RayTable, q: Components) -> tuple[Array, Array]:
    """Mean and variance of the length of q over the photons of a point, of which q has the source's own.

    They differ in wavelength and direction. With C the covariance of q by these, photons are C p off q on average, with
    the covariance C - C S^-1 C about that.
    """
    inverse, star = spot.inverse, spot.star
    if around.axis is not None:
        # whatever the angle
        across = inverse @ spot.turned
        inverse -= across[:, None] * across / _stiffness(spot)
    pulled = _times(_rows(inverse), less(q, components(star)))
    directions = around.spread.directions / ray.wavelength_m**2
    longer = 1 + around.spread.bandwidth * dot(components(star), pulled)
    of_beam = (around.spread.bandwidth * star[:, None] * star + directions) @ star
    variance = (star @ of_beam - of_beam @ inverse @ of_beam) / jnp.maximum(star @ star, _LEAST_SQUARE)
    return norm(less(q, _times(_rows(directions), pulled))) / longer, jnp.maximum(variance, 0)


def _along_rotation(spot: Spot, around: Around, ray: RayTable, q: Components) -> tuple[Array, Array, Array, Array]:
    """The exponent at an angle near the best, that angle, and the slope and curvature there, from three angles."""
    assert around.axis is not None
    before, after, stiffness = spot.before_rad, spot.after_rad, _stiffness(spot)
    width = after - before
    best = dot(components(spot.inverse @ spot.turned), less(q, components(spot.star))) / stiffness
    # in the middle, about where in the part of the rotation most comes from; and on with the best angle
    wide, known = 4 / stiffness, 1 / jnp.maximum(width, 1e-9) ** 2
    # a function of the spot alone: its frame is a choice, of which no value may depend
    leaving = ray.incident / ray.wavelength_m + spot.star
    met = leaving / (jnp.linalg.norm(leaving) * ray.wavelength_m) - ray.incident / ray.wavelength_m
    middle = jnp.dot(spot.inverse @ spot.turned, met - spot.star) / stiffness
    near = 0.5 * (before + after + jnp.sqrt((middle - before) ** 2 + wide) - jnp.sqrt((middle - after) ** 2 + wide))
    near = near + (best - middle) * stiffness / (stiffness + known)
    step = 1 / jnp.sqrt(stiffness + known)
    ways = jnp.asarray([-1.0, 0.0, 1.0], near.dtype).reshape(3, *[1] * near.ndim)
    low, mid, high = _exponent(spot, around, ray, q, near + ways * step)
    # directions of the beam stay behind, and so does their share of S
    drift = jnp.sum(spot.inverse * (around.spread.directions @ cross_matrix(around.axis))) / ray.wavelength_m**2
    slope, bend = (high - low) / (2 * step) + drift, (high - 2 * mid + low) / step**2
    return mid + drift * near, near, slope, bend


def _exponent(spot: Spot, around: Around, ray: RayTable, q: Components, angle: Array) -> Array:
    """The exponent at points and at the spindle's angle for each of them, from that of the spot."""
    inverse = _rows(spot.inverse)
    off = less(q, components(spot.star))
    if around.axis is not None:
        off = less(off, scaled(angle, components(spot.turned)))
    x = _likeliest(spot, around, ray, q, _times(inverse, off), angle)
    pulled = _times(inverse, x)
    return 0.5 * dot(x, pulled) - dot(components(spot.lever), pulled)


def _likeliest(
    spot: Spot, around: Around, ray: RayTable, q: Components, pulled: Components, angle: Array
) -> Components:
    """X at the likeliest causes of p and at the spindle's angle, but for the linear moves of the causes."""
    star = components(spot.star)
    turn = own = _times(_rows(spot.turns), cross(star, pulled))
    if around.axis is not None:
        along = scaled(angle, components(around.axis))
        # one turn after the other
        turn = less(plus(own, along), scaled(jnp.asarray(0.5), cross(own, along)))
    longer = 1 + around.spread.bandwidth * dot(star, pulled)
    tilt = _times(_rows(around.spread.directions / ray.wavelength_m**2), pulled)
    fallen = scaled(0.5 * ray.wavelength_m * dot(tilt, tilt), components(ray.incident))
    seen = _turned_back(scaled(1 / longer, plus(less(q, tilt), fallen)), turn)
    x = plus(plus(less(seen, star), cross(own, star)), plus(tilt, scaled(longer - 1, star)))
    if around.cell_spread is not None:
        for index, one, axis in zip(spot.index, spot.stars, spot.direct, strict=True):
            stretch = around.cell_spread**2 * index * dot(components(one), pulled)
            x = plus(x, scaled(stretch * (index - dot(components(axis), seen)), components(one)))
    return x


def _turned_back(vector: Components, turn: Components) -> Components:
    """R(-turn) vector."""
    square = dot(turn, turn)
    sine = 1 - square / 6 * (1 - square / 20 * (1 - square / 42))
    versine = 0.5 - square / 24 * (1 - square / 30 * (1 - square / 56))
    once = cross(turn, vector)
    twice = cross(turn, once)
    x, y, z = (v - sine * a + versine * b for v, a, b in zip(vector, once, twice, strict=True))
    return x, y, z


def _rows(matrix: Float[Array, "3 3"]) -> Matrix:
    a, b, c = (components(row) for row in matrix)
    return a, b, c


def _times(matrix: Matrix, vector: Components) -> Components:
    return dot(matrix[0], vector), dot(matrix[1], vector), dot(matrix[2], vector)
