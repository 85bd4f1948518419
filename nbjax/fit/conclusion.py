"""From the last state of a fit to its result."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from nbjax.experiment import Experiment
from nbjax.fit.bounds import bounded, wanted_above
from nbjax.fit.equations import Equations, Focus, Shots, Theta, equations, modelled
from nbjax.fit.goodness import Goodness, goodness_of
from nbjax.fit.matrix_free import PROBES, information_diagonal, is_large, slopes
from nbjax.fit.parameter_set import Layout
from nbjax.fit.problem import Problem
from nbjax.fit.result import FitResult, Level, Outcome, ShotResult, Step, covariance_of, weaknesses
from nbjax.fit.scaling import Scaling
from nbjax.fit.state import Progress, State
from nbjax.fit.tries import best
from nbjax.parameters import key_of
from nbjax.pipeline.compilation import compiled

_TABLE = "crystal.structure_factors"
_SETTLED = 0.99
"""Share of what sets the data apart from a flat image that a model must explain for a fit to look no farther."""


def conclude(
    posed: Problem, state: State, alive: np.ndarray, aside: np.ndarray, history: tuple[Step, ...]
) -> FitResult:
    """The result of a fit, with the best try of each shot.

    Args:
        posed: what was fitted.
        state: the last one.
        alive: shots that count to the end, boolean, shape (shots,).
        aside: those that were set aside.
        history: every step.
    """
    p = posed.parameters
    kept = best(np.asarray(state.equations.value), alive, posed.tries)
    shots, theta = _chosen(posed.shots, state.theta, kept)
    focus = _whole(posed)
    model = modelled(focus, shots, theta)
    at = slopes(focus, shots, theta) if is_large(theta) else equations(focus, shots, theta)
    shared, own = _values_and_slopes(shots.shared, shots.own, theta)[0]
    free = np.ones((len(kept), len(p.names)), bool)
    covariances, sigmas = _uncertainties(posed, focus, shots, theta, at, model[0], alive[kept], free)
    ran, zero = bounded(shots, np.asarray(shared), np.asarray(own), sigmas)
    if (ran | zero).any():
        # what is shared is at a bound in all shots or in none
        covariances, sigmas = _uncertainties(posed, focus, shots, theta, at, model[0], alive[kept], ~(ran | zero))
    above = np.zeros_like(zero) if is_large(theta) else wanted_above(focus, shots, theta, np.asarray(at.value), zero)
    found = []
    for i, lane in enumerate(kept):
        values = np.concatenate([np.asarray(shared), np.asarray(own[i])])
        goodness = _goodness(posed, shots, model, sigmas[i], i) if posed.unusable[lane] is None else None
        ends = Ends(ran[i], zero[i], above[i])
        outcome, reason = _outcome(posed, state, lane, bool(aside[lane]), ends, sigmas[i], goodness)
        weak = _weaknesses(posed, covariances[i], sigmas[i], ends.any) if alive[lane] else ()
        found.append(
            ShotResult(
                outcome=outcome,
                reason=f"{reason}; the best of {posed.tries} tries" if posed.tries > 1 else reason,
                values=values,
                sigmas=sigmas[i],
                covariance=covariances[i],
                loss=float(at.value[i]) if goodness else np.nan,
                pixels=int(shots.observation.used()[i]),
                warnings=(*weak, *(goodness.notes if goodness and alive[lane] else ())),
                goodness=goodness,
                background=_level(shots, model[1], i),
                at_bound=ends.any,
            )
        )
    fitted = jax.tree.map(np.asarray, _all_moved(p.layout, shots.experiments, shared, own))
    experiments = tuple(jax.tree.map(lambda leaf, i=i: jnp.asarray(leaf[i]), fitted) for i in range(len(kept)))
    names = tuple(stage.name or f"stage {i + 1}" for i, stage in enumerate(posed.stages))
    steps = tuple(Step(step.stage, step.step, step.losses[kept]) for step in history)
    first = np.asarray(shots.own.start)
    starts = np.concatenate([np.broadcast_to(shots.shared.start, (len(first), len(shared))), first], axis=1)
    return FitResult(p.names, p.units, len(p.shared_names), tuple(found), steps, names, experiments, starts)


def settled(posed: Problem, state: State, alive: np.ndarray) -> bool:
    """Whether every shot that counts has converged to a model that leaves little to explain."""
    kept = best(np.asarray(state.equations.value), alive, posed.tries)
    shots, theta = _chosen(posed.shots, state.theta, kept)
    model = modelled(_whole(posed), shots, theta)
    for i, lane in enumerate(kept):
        if posed.unusable[lane] is not None:
            continue
        if not alive[lane] or int(state.progress[lane]) != Progress.CONVERGED:
            return False
        goodness = _goodness(posed, shots, model, np.zeros(0), i)
        if goodness.reason is not None or goodness.explained < _SETTLED:
            return False
    return True


def _whole(posed: Problem) -> Focus:
    """The model in full sharpness, with everything that is free."""
    p = posed.parameters
    return Focus(posed.loss, False, jnp.asarray(1.0), *(jnp.ones(len(n), bool) for n in (p.shared_names, p.own_names)))


def _level(shots: Shots, level: Array | None, shot: int) -> Level | None:
    seen = shots.observation
    if level is None:
        return None
    used = np.asarray(seen.weight[shot]).reshape(-1) > 0
    return Level(_rows(seen.pixels[shot])[used], np.asarray(level[shot]).reshape(-1)[used])


def _rows(pixels: Array | np.ndarray) -> np.ndarray:
    """Pixels one below another, (slow, fast) or (panel, slow, fast)."""
    return np.asarray(pixels).reshape(-1, pixels.shape[-1])


def _chosen(shots: Shots, theta: Theta, kept: list[int]) -> tuple[Shots, Theta]:
    """Some of the shots, with their theta."""
    if len(kept) == len(shots):
        return shots, theta

    # on the host, arrays of many shapes need no compiled program each
    def some(leaf: Array) -> Array:
        return jnp.asarray(np.asarray(leaf)[kept])

    experiments, observation = jax.tree.map(some, (shots.experiments, shots.observation))
    own = replace(shots.own, start=some(shots.own.start), scale=some(shots.own.scale))
    return replace(shots, experiments=experiments, observation=observation, own=own), replace(
        theta, own=some(theta.own)
    )


def _uncertainties(
    posed: Problem,
    focus: Focus,
    shots: Shots,
    theta: Theta,
    at: Equations,
    model: Array,
    counted: np.ndarray,
    free: np.ndarray,
) -> tuple[list[np.ndarray | None], list[np.ndarray]]:
    """Covariance and standard deviations of each shot, infinite for components that are not free, shape (shots, p)."""
    if at.information is None:
        alone = _sigmas(focus, shots, theta, model)
        return [None] * len(alone), [np.where(of, sigmas, np.inf) for of, sigmas in zip(free, alone, strict=True)]
    information = np.where(free[:, :, None] & free[:, None, :], np.asarray(at.information), 0.0)
    covariances = _covariances(posed, shots, theta, information, counted)
    return list(covariances), [np.sqrt(np.diag(covariance)) for covariance in covariances]


def _covariances(
    posed: Problem, shots: Shots, theta: Theta, information: np.ndarray, counted: np.ndarray
) -> list[np.ndarray]:
    """Of each shot in the parameters' units, shape (p, p)."""
    of_theta = covariance_of(information, len(posed.parameters.shared_names), counted)
    of_shared, of_own = _slopes_of_maps(shots, theta)
    found = []
    for covariance, own in zip(of_theta, of_own, strict=True):
        slope = np.concatenate([of_shared, own])
        with np.errstate(invalid="ignore"):
            found.append(np.where(np.isinf(covariance), np.inf, covariance * np.outer(slope, slope)))
    return found


def _sigmas(focus: Focus, shots: Shots, theta: Theta, model: Array) -> list[np.ndarray]:
    """Standard deviation of each component with all others known, of each shot in the parameters' units."""
    diagonal = np.asarray(information_diagonal(focus, shots, theta, model))
    found = []
    of_shared, of_own = _slopes_of_maps(shots, theta)
    for information, own in zip(diagonal, of_own, strict=True):
        slope = np.concatenate([of_shared, own])
        with np.errstate(divide="ignore"):
            found.append(np.where(information > 0, np.abs(slope) / np.sqrt(information), np.inf))
    return found


def _slopes_of_maps(shots: Shots, theta: Theta) -> list[np.ndarray]:
    """Change of the values by theta, of shared components and of each shot's own."""
    return [np.asarray(slope) for slope in _values_and_slopes(shots.shared, shots.own, theta)[1]]


@compiled
def _values_and_slopes(shared: Scaling, own: Scaling, theta: Theta) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Values, and their change by theta, of shared components and of each shot's own."""
    at = theta.shared, theta.own
    values, slopes = jax.jvp(
        lambda x, y: (shared.values(x), own.values(y)), at, (jnp.ones_like(at[0]), jnp.ones_like(at[1]))
    )
    return values, slopes


def _weaknesses(
    posed: Problem, covariance: np.ndarray | None, sigmas: np.ndarray, at_bound: np.ndarray
) -> tuple[str, ...]:
    """What the data do not determine of what is not at a bound.

    Entries of a table that no pixel depends on are counted, not named.
    """
    p = posed.parameters
    named = [i for i, name in enumerate(p.names) if not key_of(name).startswith(_TABLE)]
    lost = np.isinf(sigmas) & ~at_bound
    untouched = int(lost.sum() - lost[named].sum())
    found = []
    if untouched:
        entries = len(p.names) - len(named)
        found.append(
            f"no pixel that is fitted depends on {untouched} of {entries} structure factors; these stay as given"
        )
    if covariance is None:
        spread = math.sqrt(0.5 / PROBES)
        found.append(
            f"{len(p.names)} components: each standard deviation takes all others as known, and is itself estimated "
            f"within {spread:.0%}"
        )
        return tuple(found)
    kept = [i for i in range(len(p.names)) if np.isfinite(sigmas[i]) or (lost[i] and i in named)]
    names, units = ([of[i] for i in kept] for of in (p.names, p.units))
    return (*found, *weaknesses(covariance[np.ix_(kept, kept)], tuple(names), tuple(units)))


def _goodness(
    posed: Problem, shots: Shots, model: tuple[Array, Array | None, Array | None], sigmas: np.ndarray, shot: int
) -> Goodness:
    seen = jax.tree.map(lambda leaf: np.asarray(leaf[shot]), shots.observation)
    used = seen.weight.reshape(-1) > 0
    determined = int(np.isfinite(sigmas).sum())
    return goodness_of(
        posed.loss,
        seen.data.reshape(-1)[used],
        np.asarray(model[0][shot]).reshape(-1)[used],
        _rows(seen.pixels)[used],
        determined,
        None if model[2] is None else np.asarray(model[2][shot]).reshape(-1)[used],
        posed.experiments[0].detector.panel_names,
    )


@partial(compiled, static_argnames=("layout",))
def _all_moved(layout: Layout, experiments: Experiment, shared: Array, own: Array) -> Experiment:
    return jax.vmap(layout.moved, in_axes=(0, None, 0))(experiments, shared, own)


@dataclass(frozen=True)
class Ends:
    """Components of a shot that ran into a bound, that lie on zero, and of these those that the data want above it."""

    ran: np.ndarray
    zero: np.ndarray
    above: np.ndarray

    @property
    def any(self) -> np.ndarray:
        """Components at any bound."""
        return self.ran | self.zero


def _outcome(
    posed: Problem,
    state: State,
    lane: int,
    aside: bool,
    ends: Ends,
    sigmas: np.ndarray,
    goodness: Goodness | None,
) -> tuple[Outcome, str]:
    p, progress, gain = posed.parameters, Progress(int(state.progress[lane])), float(state.gain[lane])
    unusable = posed.unusable[lane]
    if unusable is not None or goodness is None:
        return Outcome.UNUSABLE, unusable or ""
    if aside:
        return Outcome.DIVERGED, "fits far worse than the other shots, and does not count for the shared parameters"
    if progress is Progress.DIVERGED:
        return Outcome.DIVERGED, "the loss is not finite; the last good values are kept"
    if ends.ran.any():
        return Outcome.OUT_OF_BOUNDS, f"ran into a bound of {_names(posed, ends.ran)}"
    if ends.above.any():
        return (
            Outcome.STALLED,
            f"{_names(posed, ends.above)} fell to zero, and the data want more; start closer, or give a lower bound",
        )
    # where nothing else is free, no slope is left
    if progress is Progress.STALLED and ends.zero.all():
        progress = Progress.CONVERGED
    if progress is Progress.STALLED and goodness.reason is not None:
        return Outcome.POOR, goodness.reason
    if progress is Progress.STALLED:
        return Outcome.STALLED, "no step lowers the loss any more"
    steps = posed.stages[-1].steps
    if progress is not Progress.CONVERGED and state.equations.information is None:
        return Outcome.STALLED, f"not done after {steps} steps; the last ones gained {gain:.1e} in the log-likelihood"
    if progress is not Progress.CONVERGED:
        return Outcome.STALLED, f"not done after {steps} steps; a further one promises {gain:.1e} in the log-likelihood"
    without = [
        name
        for name, sigma, at_bound in zip(p.names, sigmas, ends.any, strict=True)
        if not np.isfinite(sigma) and not at_bound and not key_of(name).startswith(_TABLE)
    ]
    if without:
        return Outcome.UNDETERMINED, f"nothing in the data determines {', '.join(without)}; leave it out"
    if goodness.reason is not None:
        return Outcome.POOR, goodness.reason
    if state.equations.information is None:
        return (
            Outcome.CONVERGED,
            f"the last {posed.stages[-1].optimiser.steps_per_call} steps gained {gain:.1e} in the log-likelihood",
        )
    said = f"a further step promises {gain:.1e} in the log-likelihood"
    if ends.zero.any():
        said += f"; {_names(posed, ends.zero)} at the bound of 0, which the other standard deviations take as fixed"
    return Outcome.CONVERGED, said


def _names(posed: Problem, chosen: np.ndarray) -> str:
    return ", ".join(name for name, is_chosen in zip(posed.parameters.names, chosen, strict=True) if is_chosen)
