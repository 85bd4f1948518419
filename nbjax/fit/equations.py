"""The likelihood of shots with its slopes and information, in one pass over the pixels."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float

from nbjax.experiment import CrystalParameters, Experiment
from nbjax.fields import STATIC
from nbjax.fit.background import Ground, ground
from nbjax.fit.losses import Loss
from nbjax.fit.observation import Observation
from nbjax.fit.parameter_set import Layout
from nbjax.fit.scaling import Scaling
from nbjax.physics.block import cell_count
from nbjax.physics.shapes import SHAPES, Square, Tophat
from nbjax.pipeline.compilation import compiled
from nbjax.pipeline.image import simulate_pixels

_FEWEST_CELLS = 1.8


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Theta:
    """Scaled parameters: those of all shots together, shape (s,), and those of each, shape (shots, q)."""

    shared: Float[Array, " s"]
    own: Float[Array, "*shots q"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Shots:
    """What a fit compares: experiments (stacked along a first axis) with their data, and the parameters' scalings."""

    experiments: Experiment
    observation: Observation
    shared: Scaling
    own: Scaling
    layout: Layout = field(metadata=STATIC)

    def __len__(self) -> int:
        return len(self.observation.data)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Focus:
    """How a stage looks at the problem.

    Attributes:
        loss: of each pixel.
        broadens: whether spots are widened.
        broaden: factor by which.
        shared, own: whether each component moves; the others keep the values of their theta.
    """

    loss: Loss = field(metadata=STATIC)
    broadens: bool = field(metadata=STATIC)
    broaden: Float[Array, ""]
    shared: Bool[Array, " s"]
    own: Bool[Array, " q"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Equations:
    """Negative log-likelihood of each shot, its gradient and its Fisher information; 0 for what does not move.

    Attributes:
        value: shape (shots,).
        gradient: shape (shots, p); shared components first.
        information: shape (shots, p, p); None where there are too many components for a matrix.
    """

    value: Float[Array, " shots"]
    gradient: Float[Array, "shots p"]
    information: Float[Array, "shots p p"] | None


def broadened(experiment: Experiment, factor: Float[Array, ""] | float) -> Experiment:
    """The experiment with Gaussian spots, ``factor`` times as wide, that hold as many photons on average.

    The logarithm of a Gaussian spot is a parabola in the distance from the Bragg peak, so that a likelihood pulls
    even on spots that are many widths away from where the model has them. Spots are not widened beyond those of
    1.8 cells an axis, where they begin to merge with their neighbours.
    """
    return replace(experiment, crystals=tuple(_broadened(crystal, factor) for crystal in experiment.crystals))


def _broadened(crystal: CrystalParameters, factor: Float[Array, ""] | float) -> CrystalParameters:
    cells = jnp.maximum(crystal.cells / factor, jnp.minimum(crystal.cells, _FEWEST_CELLS))
    off = crystal.cells_off_diagonal
    if off is not None:
        narrower = jnp.sqrt(cells / crystal.cells)
        off = off * narrower * jnp.roll(narrower, -1)
    # a spot holds the square of its structure factor in reciprocal space as many times as there are cells
    factors, stronger = crystal.factors, jnp.sqrt(cell_count(crystal.cells / cells, None))
    factors = replace(
        factors,
        values=None if factors.values is None else factors.values * stronger,
        default=factors.default * stronger,
    )
    shape = "gauss" if isinstance(SHAPES[crystal.shape], Square | Tophat) else crystal.shape
    return replace(crystal, cells=cells, cells_off_diagonal=off, shape=shape, factors=factors)


def expected_photons(
    focus: Focus, layout: Layout, experiment: Experiment, shared: Array, own: Array, pixels: Array
) -> Float[Array, " n"]:
    """Photons of pixels of one shot for values in the parameters' units."""
    moved = layout.moved(experiment, shared, own)
    return simulate_pixels(broadened(moved, focus.broaden) if focus.broadens else moved, pixels)


@compiled
def equations(focus: Focus, shots: Shots, theta: Theta) -> Equations:
    """Value, gradient and Fisher information of every shot.

    Derivatives are taken forward, a few columns for each pixel, so that memory does not grow with the image.
    """
    return Equations(*_each_shot(shots, theta, lambda one, shared, own: _shot(focus, one, shared, own)))


def _each_shot(shots: Shots, theta: Theta, function):  # type: ignore[no-untyped-def]
    def one(experiment: Experiment, observation: Observation, start: Array, scale: Array, own: Array):  # type: ignore[no-untyped-def]
        scaling = replace(shots.own, start=start, scale=scale)
        return function(replace(shots, experiments=experiment, observation=observation, own=scaling), theta.shared, own)

    return jax.vmap(one)(shots.experiments, shots.observation, shots.own.start, shots.own.scale, theta.own)


def _photons(focus: Focus, shot: Shots, shared: Array, own: Array, pixels: Array) -> Array:
    values = shot.shared.values(shared), shot.own.values(own)
    return expected_photons(focus, shot.layout, shot.experiments, *values, pixels)


def _ground(focus: Focus, seen: Observation, spots: Array) -> tuple[Array | None, Ground | None]:
    """Photons of the background of one shot under given spots, and the solution that they come from.

    Under widened spots it is the one of the pixels without spots: what is not under a spot of the model yet would else
    be taken for background, over which the wings of the spots do not reach.
    """
    if seen.background is None:
        return None, None
    if focus.broadens:
        return seen.background.calm, None
    below = ground(focus.loss, seen.background, spots, seen.data, seen.weight)
    return below.level, below


def _spots(focus: Focus, shot: Shots, shared: Array, own: Array) -> Array:
    return jax.lax.map(lambda pixels: _photons(focus, shot, shared, own, pixels), shot.observation.pixels)


def _shot(focus: Focus, shot: Shots, shared: Array, own: Array) -> tuple[Array, ...]:
    split = len(shared)
    at, moving = jnp.concatenate([shared, own]), jnp.concatenate([focus.shared, focus.own])
    level, below = None, None
    if shot.observation.background is not None:
        level, below = _ground(focus, shot.observation, _spots(focus, shot, shared, own))

    def add_chunk(totals: tuple[Array, ...], part: tuple[Observation, Array | None]) -> tuple[tuple[Array, ...], Any]:
        chunk, level = part

        def photons(x: Array) -> Array:
            return _photons(focus, shot, x[:split], x[split:], chunk.pixels)

        mean, columns = jax.vmap(lambda t: jax.jvp(photons, (at,), (t,)), out_axes=(None, 1))(
            jnp.eye(len(at), dtype=at.dtype)
        )
        mean = mean if level is None else mean + level
        value, slope = jax.jvp(lambda m: focus.loss.nll(m, chunk.data), (mean,), (jnp.ones_like(mean),))
        used = chunk.weight > 0
        slope, weight = (jnp.where(used, part, 0.0) for part in (slope, focus.loss.information(mean)))
        columns = jnp.where(used[:, None] & moving, columns, 0.0)
        terms = (jnp.where(used, value, 0.0).sum(), slope @ columns, columns.T @ (weight[:, None] * columns))
        crossed = None
        if below is not None and chunk.background is not None:
            crossed = chunk.background.crossed(slope, weight, columns)
        return jax.tree.map(jnp.add, totals, terms), crossed

    n = len(at)
    start: tuple[Array, ...] = (jnp.zeros((), at.dtype), jnp.zeros(n, at.dtype), jnp.zeros((n, n), at.dtype))
    (value, gradient, information), crossed = jax.lax.scan(add_chunk, start, (shot.observation, level))
    if below is None:
        return value, gradient, information
    return value + below.prior.value.sum(), *below.projected(crossed, gradient, information)


def value(focus: Focus, shots: Shots, theta: Theta) -> Float[Array, " shots"]:
    """Negative log-likelihood of every shot; differentiable backwards, chunk by chunk.

    The background is the best one, so that its own changes do not count in the first derivatives.
    """

    def shot(one: Shots, shared: Array, own: Array) -> Array:
        level, below = None, None
        if one.observation.background is not None:
            level, below = _ground(focus, one.observation, _spots(focus, one, *jax.lax.stop_gradient((shared, own))))

        @jax.checkpoint
        def add_chunk(total: Array, part: tuple[Observation, Array | None]) -> tuple[Array, None]:
            chunk, level = part
            mean = _photons(focus, one, shared, own, chunk.pixels)
            mean = mean if level is None else mean + level
            return total + jnp.where(chunk.weight > 0, focus.loss.nll(mean, chunk.data), 0.0).sum(), None

        first = jnp.zeros((), own.dtype) if below is None else below.prior.value.sum()
        return jax.lax.scan(add_chunk, first, (one.observation, level))[0]

    return _each_shot(shots, theta, shot)


def residuals(focus: Focus, shot: Shots, shared: Array, own: Array) -> Float[Array, " n"]:
    """Residuals of one shot, 0 for pixels that do not count; half their squares sum to its loss up to a constant.

    Those of the background's prior are among them.
    """
    seen, mean = shot.observation, _spots(focus, shot, shared, own)
    level, below = _ground(focus, seen, mean)
    mean = mean if level is None else mean + level
    data, weight = seen.data, seen.weight
    found = jnp.where(weight.reshape(-1) > 0, focus.loss.residual(mean.reshape(-1), data.reshape(-1)), 0.0)
    return found if below is None else jnp.concatenate([found, below.prior_residuals])


@compiled
def modelled(focus: Focus, shots: Shots, theta: Theta) -> tuple[Array, Array | None, Array | None]:
    """Of every pixel of the observations: expected photons, those of the background, and a background without spots.

    Shape (shots, chunks, n); the last two are None for fits without a background.
    """

    def shot(one: Shots, shared: Array, own: Array) -> tuple[Array, Array | None, Array | None]:
        seen, spots = one.observation, _spots(focus, one, shared, own)
        if seen.background is None:
            return spots, None, None
        background = seen.background
        # one after the other by one program: it is the larger part of what is compiled
        level, alone = jax.lax.map(
            lambda under: ground(focus.loss, background, under, seen.data, seen.weight).level,
            jnp.stack([spots, jnp.zeros_like(spots)]),
        )
        return spots + level, level, alone

    return _each_shot(shots, theta, shot)
