"""The photons of one reflection on the pixels about its middle.

With q a pixel's scattering vector and x = q - G, the mean over domains, wavelengths and directions of the squared
lattice factor is (Na Nb Nc)^2 sqrt(det S_N / det S) exp(-x S^-1 x / 2), S being the sum of covariances of
``nbjax.pipeline.closed.spread`` and S_N that of the size. A rotation adds an error function, of the angle at which the
pixel is brightest.

Turns are not linear in their angles, nor is q in the wavelength and in the direction of the beam. At each pixel x is
taken about the likeliest of these causes that bring G there, such as a turn w: x = R(-w) q - G + w x G, in the frame of
the turned domain. So arcs are arcs, and without causes nothing changes. ``nbjax.pipeline.closed.lever`` has what that
leaves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import erf
from jaxtyping import Float, Int

from nbjax import precision
from nbjax.experiment import CrystalParameters, Experiment
from nbjax.geometry.unit_cell import invert_basis
from nbjax.numerics import Components, components, cross, dot
from nbjax.physics.structure_factor import StructureFactors
from nbjax.pipeline.accumulate import whole_product
from nbjax.pipeline.closed.crossing import Passage, moved_with, range_rad
from nbjax.pipeline.closed.lever import lever
from nbjax.pipeline.closed.spread import BeamSpread, covariance, lattice_at
from nbjax.pipeline.sample import RaySample, sample_ray
from nbjax.pipeline.scene import RayTable, Scene
from nbjax.pipeline.view import Pixels

_LEAST_STIFFNESS = 1e-8
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
    spindle = crystal.spindle
    exposure_rad = jnp.abs(range_rad(spindle)) if spindle.steps > 1 else 1.0

    def excess(angle_rad: Array) -> Array:
        leaving = incident / wavelength_m + hkl @ lattice_at(crystal, angle_rad).stars
        return jnp.dot(leaving, leaving) - 1 / wavelength_m**2

    passage = moved_with(spindle, passage, excess)
    lattice = lattice_at(crystal, passage.angle_rad)
    star = hkl @ lattice.stars
    smear = covariance(lattice, spread, wavelength_m, hkl)
    amplitude = factors.at(components(hkl), components(hkl))
    # a spot that is never cut by its cell adds up to the number of cells
    peak = jnp.prod(crystal.cells) * crystal.fudge**0.75
    shrunk = jnp.sqrt(jnp.linalg.det(lattice.size) / jnp.linalg.det(smear))
    inverse, width = _inverse(smear), passage.end_rad - passage.start_rad
    return Spot(
        star=star,
        inverse=inverse,
        height=(amplitude * peak) ** 2 * shrunk / exposure_rad,
        turned=jnp.cross(lattice.axis, star),
        before_rad=passage.start_rad - passage.angle_rad,
        after_rad=passage.end_rad - passage.angle_rad,
        turns=lattice.turns,
        lever=lever(lattice, spread, (incident, wavelength_m), hkl, (smear, inverse), width),
        index=hkl,
        stars=lattice.stars,
        direct=invert_basis(lattice.stars),
    )


def _inverse(matrix: Float[Array, "3 3"]) -> Float[Array, "3 3"]:
    """Inverse of a symmetric matrix, by cofactors."""
    a, b, c = matrix
    cofactors = jnp.stack([jnp.cross(b, c), jnp.cross(c, a), jnp.cross(a, b)])
    return cofactors / jnp.dot(a, cofactors[0])


class _Seen(NamedTuple):
    """Of each pixel: exponent, its slopes and curvatures by the place in the pixel, and likewise the best angle."""

    exponent: Array
    slopes: tuple[Array, Array]
    curvatures: tuple[Array, Array, Array]
    angle: Array
    angle_slopes: tuple[Array, Array]


def spot_photons(
    experiment: Experiment,
    scene: Scene,
    ray: RayTable,
    spot: Spot,
    around: Around,
    pixels: Pixels,
    nodes: int,
) -> Float[Array, " pixels"]:
    """Each pixel in electrons squared times steradians, for a source of weight one.

    Args:
        experiment, scene: as the pixels see them, see ``nbjax.pipeline.view.seen_by``.
        ray: row of the table, at the middle of the pixels.
        spot: from ``spot_of``.
        around: what all spots share.
        pixels: of one panel.
        nodes: points in each direction over which a pixel is integrated.
    """
    sample = sample_ray(experiment, scene, pixels, ray)
    edges = _edges(experiment, scene, sample, pixels, ray)
    seen = _seen(spot, around, ray, sample.scattering_per_m, edges)
    dtype = precision.policy(experiment.precision).intensity
    spread = None if around.axis is None else jnp.sqrt(_stiffness(spot))
    inside = _integrated(spot, seen, spread, nodes, dtype)
    (factors,) = whole_product(experiment, sample)
    kept = jnp.where(sample.resolved, factors, 0.0)
    return kept * spot.height.astype(dtype) * inside


def _stiffness(spot: Spot) -> Float[Array, ""]:
    """One over the variance of the angle at which a pixel is brightest, 1/rad^2; hardly any on the spindle's axis."""
    return spot.turned @ spot.inverse @ spot.turned + _LEAST_STIFFNESS


class _Edges(NamedTuple):
    """The change of q over the width and over the height of a pixel, and its second derivatives by these."""

    fast: Components
    slow: Components
    bent: tuple[Components, Components, Components]


def _edges(experiment: Experiment, scene: Scene, sample: RaySample, pixels: Pixels, ray: RayTable) -> _Edges:
    panel, view = experiment.detector.panels, sample.view
    fast_m, slow_m = panel.pixel_sizes_m
    at = fast_m * (pixels.fast + ray.fast_offset), slow_m * (pixels.slow + ray.slow_offset)
    depth = jnp.full_like(at[0], ray.depth * panel.thickness_m)
    nothing = jnp.zeros_like(at[0])

    def edge(fast: Array, slow: Array) -> tuple[Array, Components]:
        _, move = jax.jvp(scene.panel.point, (*at, depth), (fast, slow, nothing))
        along = dot(view.diffracted, move)
        across = _less(move, _scaled(along, view.diffracted))
        return along / view.airpath_m, _scaled(1 / (view.airpath_m * ray.wavelength_m), across)

    along_fast, fast = edge(jnp.full_like(at[0], fast_m), nothing)
    along_slow, slow = edge(nothing, jnp.full_like(at[0], slow_m))

    def bent(first: Components, second: Components, along: tuple[Array, Array]) -> Components:
        # a unit vector that moves sideways falls back, and moves less the farther its point is
        back = _scaled(-dot(first, second) * ray.wavelength_m, view.diffracted)
        return _less(back, _plus(_scaled(along[0], second), _scaled(along[1], first)))

    return _Edges(
        fast,
        slow,
        (
            bent(fast, fast, (along_fast, along_fast)),
            bent(fast, slow, (along_fast, along_slow)),
            bent(slow, slow, (along_slow, along_slow)),
        ),
    )


def _seen(spot: Spot, around: Around, ray: RayTable, q: Components, edges: _Edges) -> _Seen:
    rotates = around.axis is not None
    star, turned, inverse = components(spot.star), components(spot.turned), _rows(spot.inverse)
    by_turn = _times(inverse, turned)
    stiffness = _stiffness(spot) if rotates else jnp.ones(())
    pulled, angle = _times(inverse, _less(q, star)), jnp.zeros_like(q[0])
    if rotates:
        angle = jnp.clip(dot(turned, pulled) / stiffness, spot.before_rad, spot.after_rad)
        pulled = _less(pulled, _scaled(angle, by_turn))
    x, turn, longer = _likeliest(spot, around, ray, q, pulled, angle)
    e_fast, e_slow = (_scaled(1 / longer, _less(edge, cross(turn, edge))) for edge in (edges.fast, edges.slow))
    pulled = _times(inverse, x)
    at_fast, at_slow = _times(inverse, e_fast), _times(inverse, e_slow)
    exponent, angle_slopes = 0.5 * dot(x, pulled), (jnp.zeros_like(angle),) * 2
    if rotates:
        angle = dot(by_turn, x) / stiffness
        exponent = exponent - 0.5 * stiffness * angle * angle
        angle_slopes = dot(by_turn, e_fast) / stiffness, dot(by_turn, e_slow) / stiffness
        pulled = _less(pulled, _scaled(angle, by_turn))
        at_fast, at_slow = (
            _less(at, _scaled(by, by_turn)) for at, by in zip((at_fast, at_slow), angle_slopes, strict=True)
        )
    lever = components(spot.lever)
    bent = dot(edges.bent[0], pulled), dot(edges.bent[1], pulled), dot(edges.bent[2], pulled)
    curvatures = dot(e_fast, at_fast) + bent[0], dot(e_fast, at_slow) + bent[1], dot(e_slow, at_slow) + bent[2]
    slopes = dot(e_fast, pulled) - dot(lever, at_fast), dot(e_slow, pulled) - dot(lever, at_slow)
    return _Seen(exponent - dot(lever, pulled), slopes, curvatures, angle, angle_slopes)


def _likeliest(
    spot: Spot, around: Around, ray: RayTable, q: Components, pulled: Components, angle: Array
) -> tuple[Components, Components, Array]:
    """X at the likeliest causes of p, but for their linear moves; their turn; and their wavelength over the mean."""
    star = components(spot.star)
    linear = turn = _times(_rows(spot.turns), cross(star, pulled))
    if around.axis is not None:
        along = _scaled(angle, components(around.axis))
        linear = _plus(turn, along)
        # one turn after the other
        turn = _less(linear, _scaled(jnp.asarray(0.5), cross(turn, along)))
    longer = 1 + around.spread.bandwidth * dot(star, pulled)
    tilt = _times(_rows(around.spread.directions / ray.wavelength_m**2), pulled)
    fallen = _scaled(0.5 * ray.wavelength_m * dot(tilt, tilt), components(ray.incident))
    seen = _turned_back(_scaled(1 / longer, _plus(_less(q, tilt), fallen)), turn)
    x = _plus(_plus(_less(seen, star), cross(linear, star)), _plus(tilt, _scaled(longer - 1, star)))
    if around.cell_spread is not None:
        for index, one, axis in zip(spot.index, spot.stars, spot.direct, strict=True):
            stretch = around.cell_spread**2 * index * dot(components(one), pulled)
            x = _plus(x, _scaled(stretch * (index - dot(components(axis), seen)), components(one)))
    return x, turn, longer


def _integrated(spot: Spot, seen: _Seen, spread: Array | None, nodes: int, dtype: Any) -> Array:
    """Mean over a pixel of the Gaussian, and of the part of the rotation that shows it."""
    at, weights = (array / 2 for array in np.polynomial.legendre.leggauss(nodes))
    u, v, weight = (
        jnp.asarray(grid.reshape(-1, 1), dtype) for grid in (*np.meshgrid(at, at), np.outer(weights, weights))
    )
    exponent, slopes, curvatures, angle, angle_slopes = jax.tree.map(lambda part: part.astype(dtype), seen)
    bent = 0.5 * (curvatures[0] * u * u + curvatures[2] * v * v) + curvatures[1] * u * v
    value = weight * jnp.exp(-(exponent + slopes[0] * u + slopes[1] * v + bent))
    if spread is None:
        return value.sum(0)
    stretch = (spread / np.sqrt(2)).astype(dtype)
    before, after = spot.before_rad.astype(dtype), spot.after_rad.astype(dtype)
    best = angle + angle_slopes[0] * u + angle_slopes[1] * v
    value = value * 0.5 * (erf(stretch * (after - best)) - erf(stretch * (before - best)))
    return value.sum(0) * (np.sqrt(2 * np.pi) / spread).astype(dtype)


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


def _less(a: Components, b: Components) -> Components:
    return a[0] - b[0], a[1] - b[1], a[2] - b[2]


def _plus(a: Components, b: Components) -> Components:
    return a[0] + b[0], a[1] + b[1], a[2] + b[2]


def _scaled(factor: Array, a: Components) -> Components:
    return factor * a[0], factor * a[1], factor * a[2]


def box_pixels(
    centre: Float[Array, "2"],
    covariance: Float[Array, "2 2"],
    shape: tuple[int, int],
) -> tuple[Int[Array, " n"], Int[Array, " n"]]:
    """(slow, fast) of the pixels about a spot: rows across its longer way, each about its own middle.

    Args:
        centre: (fast, slow) in pixels.
        covariance: of (fast, slow).
        shape: half length and half width.
    """
    half_length, half_width = shape
    steep = covariance[1, 1] > covariance[0, 0]
    # "along" is the axis of the panel on which the spot is longer
    along, across = jnp.where(steep, centre[1], centre[0]), jnp.where(steep, centre[0], centre[1])
    variance = jnp.where(steep, covariance[1, 1], covariance[0, 0])
    lean = covariance[0, 1] / jnp.maximum(variance, 1e-30)
    rows = jnp.floor(along) + jnp.arange(-half_length, half_length + 1)
    middles = jnp.floor(across + lean * (rows + 0.5 - along))
    columns = middles[:, None] + jnp.arange(-half_width, half_width + 1)
    rows = jnp.broadcast_to(rows[:, None], columns.shape)
    slow, fast = jnp.where(steep, rows, columns), jnp.where(steep, columns, rows)
    return slow.reshape(-1).astype(jnp.int32), fast.reshape(-1).astype(jnp.int32)


def half_sizes(
    covariance: Float[Array, "2 2"], arc: Float[Array, ""], cut: float
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Half length and half width in whole pixels of the box that holds a spot."""
    longer = jnp.maximum(covariance[0, 0], covariance[1, 1])
    shorter = jnp.linalg.det(covariance) / jnp.maximum(longer, 1e-30)
    lean = jnp.abs(covariance[0, 1]) / jnp.maximum(longer, 1e-30)
    length = jnp.ceil(cut * jnp.sqrt(longer) + 0.5)
    return length, jnp.ceil(cut * jnp.sqrt(jnp.maximum(shorter, 0)) + 0.5 * (1 + lean) + arc)


def narrowest(covariance: Float[Array, "2 2"]) -> Float[Array, ""]:
    """Standard deviation of a spot in pixels where it is narrowest."""
    half = 0.5 * jnp.trace(covariance)
    return jnp.sqrt(jnp.maximum(half - jnp.sqrt(jnp.maximum(half**2 - jnp.linalg.det(covariance), 0)), 0))
