"""One shot through all stages: damped steps of Gauss and Newton, in one program that is compiled once."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from nbjax.experiment import Experiment
from nbjax.pipeline.compilation import compiled
from nbjax.pipeline.spots.table import Spots
from nbjax.refine.equations import Boxes, Equations, equations
from nbjax.refine.model import Shot
from nbjax.refine.parameters import place
from nbjax.refine.stages import Schedule

_DAMPING, _MOST_DAMPING = 1e-3, 1e3
_CONVERGED = 1e-3
"""Of the misfit, which is a chi squared."""
_FAR = 5.0
"""Standard deviations from which on a pixel counts less (Huber)."""
_LEAST_VARIANCE = 0.05
_BESIDE = 0.2
"""Standard deviation of the photons of other lattices, relative."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Noise:
    """What the data are off the model by.

    Attributes:
        readout: standard deviation of a pixel in photons.
        profile: standard deviation of the spot's shape, over its own photons in a pixel.
        rocking: standard deviation of the partiality.
    """

    readout: Float[Array, ""]
    profile: Float[Array, ""]
    rocking: Float[Array, ""]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Solution:
    """A refined shot.

    Attributes:
        departure: from its start, by ``nbjax.refine.parameters.NAMES``.
        curvature: half the second derivative of its misfit, with priors, of all parameters.
        slope: minus half of the first one.
        spot_slope: what each spot adds to it.
        misfit: at the start with the first stage's weights, and at the end, a number a pixel.
        boxes, spots: of the end.
        weights: one over the variances of pixels.
    """

    departure: Float[Array, " p"]
    curvature: Float[Array, "p p"]
    slope: Float[Array, " p"]
    spot_slope: Float[Array, "n p"]
    misfit: Float[Array, ""]
    boxes: Boxes
    spots: Spots
    weights: Float[Array, "n s s"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class _State:
    """Where the search is.

    Attributes:
        row: of the schedule.
        step: of the row; 0 is its start, which may set the scale.
        tried: what is looked at next.
        departure, at: the best of the row, and the equations there.
        damping: of Levenberg and Marquardt.
        weights: of the row.
        far: errors of heights by the shape of the rocking curve, likewise.
    """

    row: Array
    step: Array
    tried: Array
    departure: Array
    at: Equations
    damping: Array
    weights: Array
    far: Array


@compiled
def solve(
    experiment: Experiment,
    shot: Shot,
    noise: Noise,
    prior: Float[Array, " p"],
    schedule: Schedule,
    first: Float[Array, " p"],
) -> Solution:
    """Refine a shot.

    Args:
        experiment: what all shots share.
        shot: its start and pixels.
        noise: of the pixels.
        prior: standard deviations of the departures about zero.
        schedule: the stages.
        first: departure to begin with.
    """

    def look(row: Array, weights: Array, far: Array, departure: Array) -> Equations:
        height_sigma = jnp.hypot(schedule.height_sigma[row], far)
        return equations(experiment, shot, weights, departure, prior, schedule.broaden[row], height_sigma)

    def step(state: _State) -> _State:
        # the only place where anything is evaluated, so that it is compiled once
        return _next(shot, noise, schedule, state, look(state.row, state.weights, state.far, state.tried))

    zero = jnp.asarray(0)
    weights = first_weights(shot, noise)
    far = jnp.zeros(len(weights))
    nothing = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), jax.eval_shape(look, zero, weights, far, first))
    begun = _State(zero, zero, first, first, nothing, jnp.asarray(_DAMPING), weights, far)
    last = jax.lax.while_loop(lambda state: state.row < len(schedule.steps), step, begun)
    pixels = jnp.maximum(shot.valid.sum() - 3 * shot.valid.any((1, 2)).sum(), 1.0)
    return Solution(
        departure=last.departure,
        curvature=last.at.curvature,
        slope=last.at.slope,
        spot_slope=last.at.spot_slope,
        misfit=last.at.boxes.misfit.sum() / pixels,
        boxes=last.at.boxes,
        spots=last.at.spots,
        weights=last.weights,
    )


def _next(shot: Shot, noise: Noise, schedule: Schedule, state: _State, found: Equations) -> _State:
    """The state after what was tried has been looked at."""
    rescales = (state.step == 0) & (schedule.rescales[state.row] > 0)
    scaled = state.tried.at[place("log_scale")].add(change_of_scale(found.boxes))
    first = state.step <= 1
    gain = state.at.misfit - found.misfit
    better = first | (gain > 0)
    departure, at = jax.tree.map(
        lambda new, old: jnp.where(better, new, old), (state.tried, found), (state.departure, state.at)
    )
    damping = jnp.where(better, state.damping * 0.2, jnp.maximum(state.damping, 1e-2) * 8.0)
    damping = jnp.where(first, _DAMPING, damping)
    stuck = jnp.where(better, gain < _CONVERGED, state.damping > _MOST_DAMPING)
    done = ~rescales & ((state.step >= schedule.steps[state.row]) | (~first & stuck))
    moved = departure + _step(at, schedule.free[state.row], damping)
    tried = jnp.where(rescales, scaled, jnp.where(done, departure, moved))
    last = state.row + 1 >= len(schedule.steps)
    renewed = done & ~last
    far = jnp.where(renewed, far_errors(noise, at.spots), state.far)
    weights = jnp.where(renewed, weights_of(shot, noise, at.boxes, at.spots), state.weights)
    # where the scale was set the start is looked at again
    after = jnp.where(rescales, 1, jnp.maximum(state.step, 1) + 1)
    return _State(state.row + done, jnp.where(done, 0, after), tried, departure, at, damping, weights, far)


def _step(at: Equations, free: Array, damping: Array) -> Float[Array, " p"]:
    """A damped step of what is free."""
    curvature = at.curvature * jnp.outer(free, free)
    added = jnp.where(free > 0, jnp.diag(curvature) * damping, 1.0)
    return jnp.linalg.solve(curvature + jnp.diag(added), at.slope * free)


def change_of_scale(boxes: Boxes) -> Float[Array, ""]:
    """Logarithm of the observed photons over the model's, which may be off by any factor."""
    photons = boxes.spot.sum((1, 2))
    height, sigma = boxes.free_height.T
    counts = (photons > 0) & jnp.isfinite(height) & (sigma > 0) & (sigma * photons < 1e12)
    seen = jnp.where(counts, height * photons, 0).sum()
    return jnp.log(jnp.maximum(seen, 1.0) / jnp.maximum(jnp.where(counts, photons, 0).sum(), 1e-30))


def first_weights(shot: Shot, noise: Noise) -> Float[Array, "n s s"]:
    """Those of the mean of each box."""
    count = jnp.maximum(shot.valid.sum((1, 2)), 1.0)
    mean = jnp.maximum((shot.data * shot.valid).sum((1, 2)) / count, 0)
    variance = mean + noise.readout**2 + _LEAST_VARIANCE
    return shot.valid / variance[:, None, None]


def far_errors(noise: Noise, spots: Spots) -> Float[Array, " n"]:
    """Of heights, relative: far from the sphere the model's Gaussian is less than what any block's edge scatters."""
    return noise.rocking / jnp.maximum(spots.partiality, 1e-3)


def weights_of(shot: Shot, noise: Noise, boxes: Boxes, spots: Spots) -> Float[Array, "n s s"]:
    """Those of the model, less where a pixel is far off it."""
    shape = (
        jnp.hypot(noise.profile, far_errors(noise, spots))[:, None, None] * boxes.linear[:, 3, None, None] * boxes.spot
    )
    expected = boxes.model + shot.beside
    beside = _BESIDE * shot.beside
    variance = jnp.maximum(expected, 0) + noise.readout**2 + shape**2 + beside**2 + _LEAST_VARIANCE
    off = jnp.abs(shot.data - expected) / jnp.sqrt(variance)
    return shot.valid / variance * jnp.minimum(1.0, _FAR / jnp.maximum(off, _FAR))
