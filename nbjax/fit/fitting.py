"""Fits in stages, of one shot or of many at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from nbjax.errors import ConfigError, Fault
from nbjax.experiment import Experiment, stack
from nbjax.fit.equations import Shots, Theta, View, equations
from nbjax.fit.losses import Loss, Poisson
from nbjax.fit.observation import check_image, observe
from nbjax.fit.parameter_set import Free, Layout, ParameterSet, parameter_set
from nbjax.fit.result import FitResult, Outcome, ShotResult, Step, covariance_of, weaknesses
from nbjax.fit.stages import COARSE_TO_FINE, Stage
from nbjax.fit.state import Progress, State
from nbjax.fit.tries import best, check_tries, scattered

OnStep = Callable[[int, State, Step], None]


@dataclass(frozen=True)
class Problem:
    """Shots, their free parameters and the stages; everything that does not change during a fit.

    Attributes:
        experiments: of each shot, as often as it is tried: all tries of the first shot, then those of the next.
        parameters, shots, stages, loss: what is fitted, to what, and how.
        starts: where each try starts, as theta.
        tries: how often each shot is tried.
    """

    experiments: tuple[Experiment, ...]
    parameters: ParameterSet
    shots: Shots
    stages: tuple[Stage, ...]
    loss: Loss
    starts: Theta
    tries: int = 1

    def view(self, stage: Stage) -> View:
        """How a stage looks at the problem."""
        layout = self.parameters.layout
        masks = []
        for paths, names in (
            (layout.shared, self.parameters.shared_names),
            (layout.own, self.parameters.own_names),
        ):
            moving = [path for path in paths if stage.moves(path)]
            masks.append(jnp.asarray([name.split(" ")[0] in moving for name in names], bool))
        return View(self.loss, stage.broaden != 1, jnp.asarray(float(stage.broaden)), *masks)


def problem(
    experiments: Sequence[Experiment],
    images: Sequence[np.ndarray],
    frees: Sequence[Free],
    stages: Sequence[Stage] = COARSE_TO_FINE,
    *,
    loss: Loss | None = None,
    used: Sequence[np.ndarray] | None = None,
    convention: str | None = None,
    system: str = "triclinic",
    tries: int = 1,
    seed: int = 0,
    chunk: int = 8192,
) -> Problem:
    """Check everything and set up a fit; arguments as for ``fit``."""
    loss = Poisson() if loss is None else loss
    faults = []
    if experiments[0].crystal.shape == "tophat":
        why = "got 'tophat', which has no gradient: a sample is in a spot or not; use square, round or gauss"
        faults.append(Fault("crystal.shape", why))
    if len(images) != len(experiments):
        faults.append(Fault("data", f"{len(images)} images for {len(experiments)} shots; give one each"))
    if not frees:
        faults.append(Fault("parameters", "none is free; name one"))
    faults += check_tries(frees, tries)
    if faults:
        raise ConfigError(faults)
    every = [experiment for experiment in experiments for _ in range(tries)]
    chosen = parameter_set(frees, every, convention, system)
    _check_stages(stages, [free.path for free in frees])
    grid = experiments[0].grid
    if used is None:
        used = [np.ones((grid.slow, grid.fast), bool)] * len(images)
    masks = []
    for number, (experiment, image, mask) in enumerate(zip(experiments, images, used, strict=True)):
        shown = np.zeros((grid.slow, grid.fast), bool)
        first_fast, end_fast, first_slow, end_slow = grid.roi
        shown[first_slow:end_slow, first_fast:end_fast] = True
        if experiment.mask is not None:
            shown &= np.asarray(experiment.mask) > 0
        if mask.shape == shown.shape:
            shown &= mask
        check_image(np.asarray(image), shown, f"data, shot {number}", loss.least_photons)
        masks.append(shown)
    seen = [(np.asarray(image, float), mask) for image, mask in zip(images, masks, strict=True) for _ in range(tries)]
    observation = observe([image for image, _ in seen], [mask for _, mask in seen], chunk)
    shots = Shots(stack(every), observation, chosen.shared, chosen.own, chosen.layout)
    starts = Theta(jnp.zeros(len(chosen.shared_names)), scattered(chosen, frees, tries, seed))
    return Problem(tuple(every), chosen, shots, tuple(stages), loss, starts, tries)


def _check_stages(stages: Sequence[Stage], paths: list[str]) -> None:
    faults = []
    for number, stage in enumerate(stages):
        for path in stage.parameters or ():
            if path not in paths:
                why = f"{path} is not among the free parameters ({', '.join(paths)}); free it too, or leave it out"
                faults.append(Fault(f"stages[{number}].parameters", why))
    if faults:
        raise ConfigError(faults)


def fit(
    experiments: Sequence[Experiment],
    images: Sequence[np.ndarray],
    frees: Sequence[Free],
    stages: Sequence[Stage] = COARSE_TO_FINE,
    *,
    loss: Loss | None = None,
    used: Sequence[np.ndarray] | None = None,
    convention: str | None = None,
    system: str = "triclinic",
    tries: int = 1,
    seed: int = 0,
    set_aside: float | None = None,
    on_step: OnStep | None = None,
) -> FitResult:
    """Fit experiments to measured images.

    Args:
        experiments: where each shot starts, from ``nbjax.prepare``; all of equal structure.
        images: photons of each shot, shape (slow, fast).
        frees: parameters that may move, each shared by all shots or of each shot.
        stages: one after the other, each from where the last one ended.
        loss: Poisson by default.
        used: boolean images of the pixels that count; all by default, without what the experiments mask.
        convention: of the detector, for its beam centre.
        system: crystal system that ``crystal.cell`` keeps to.
        tries: fits of each shot, all at once, from starts drawn within the parameters' ``scatter``, the first from the
            given start; the one with the least loss is returned. Not with shared parameters.
        seed: of the starts.
        set_aside: after each stage, a shot whose loss for a pixel is this many times the median of all shots no longer
            counts for the shared parameters, and ends as diverged.
        on_step: called after every step with the stage's number, the state and the entry of the history.

    Raises:
        ConfigError: input that cannot be fitted, see ``problem`` and ``parameter_set``.
    """
    return run(
        problem(
            experiments,
            images,
            frees,
            stages,
            loss=loss,
            used=used,
            convention=convention,
            system=system,
            tries=tries,
            seed=seed,
        ),
        set_aside=set_aside,
        on_step=on_step,
    )


@dataclass(frozen=True)
class Resume:
    """Where an interrupted fit goes on.

    Attributes:
        stage, step: the stage's number, and the steps done in it.
        theta: the point.
        alive: shots that count, boolean, shape (shots,).
        memory: leaves of what the optimiser remembers.
        history: every step so far.
    """

    stage: int
    step: int
    theta: Theta
    alive: np.ndarray
    memory: Sequence[np.ndarray]
    history: tuple[Step, ...]


def run(
    posed: Problem,
    *,
    set_aside: float | None = None,
    on_step: OnStep | None = None,
    resume: Resume | None = None,
) -> FitResult:
    """Run all stages of a problem."""
    theta = posed.starts if resume is None else resume.theta
    alive = np.ones(len(posed.shots), bool) if resume is None else resume.alive
    history = [] if resume is None else list(resume.history)
    aside = np.zeros(len(alive), bool)
    state = None
    for number, stage in enumerate(posed.stages):
        if resume is not None and number < resume.stage:
            continue
        done = resume.step if resume is not None and number == resume.stage else 0
        view = posed.view(stage)
        if stage is not posed.stages[-1] and not bool(view.shared.any() | view.own.any()):
            continue
        state = stage.optimiser.begin(view, posed.shots, theta, jnp.asarray(alive), stage.tolerance)
        if resume is not None and number == resume.stage:
            memory = [jnp.asarray(leaf) for leaf in resume.memory]
            state = replace(state, memory=jax.tree.unflatten(jax.tree.structure(state.memory), memory))
        else:
            _record(history, number, 0, state, on_step)
        while done < stage.steps and bool((state.progress == Progress.RUNNING).any()):
            state = stage.optimiser.step(view, posed.shots, state, stage.tolerance)
            done += stage.optimiser.steps_per_call
            _record(history, number, done, state, on_step)
        theta = state.theta
        alive = np.asarray(state.progress) != Progress.DIVERGED
        aside |= alive & ~_near_the_others(posed, state, alive, set_aside)
        alive &= ~aside
    assert state is not None
    return best(_result(posed, state, alive, aside, tuple(history)), posed.tries)


def _record(history: list[Step], stage: int, step: int, state: State, on_step: OnStep | None) -> None:
    entry = Step(stage, step, np.asarray(state.equations.value))
    history.append(entry)
    if on_step is not None:
        on_step(stage, state, entry)


def _near_the_others(posed: Problem, state: State, alive: np.ndarray, factor: float | None) -> np.ndarray:
    losses = np.asarray(state.equations.value) / posed.shots.observation.used()
    if factor is None or not alive.any():
        return np.ones(len(losses), bool)
    return losses <= factor * np.median(losses[alive])


def _result(posed: Problem, state: State, alive: np.ndarray, aside: np.ndarray, history: tuple[Step, ...]) -> FitResult:
    p = posed.parameters
    every = View(posed.loss, False, jnp.asarray(1.0), *(jnp.ones(len(n), bool) for n in (p.shared_names, p.own_names)))
    at = equations(every, posed.shots, state.theta)
    shared, own = p.shared.values(state.theta.shared), p.own.values(state.theta.own)
    slopes = [
        np.asarray(jax.jvp(scaling.values, (theta,), (jnp.ones_like(theta),))[1])
        for scaling, theta in ((p.shared, state.theta.shared), (p.own, state.theta.own))
    ]
    covariances = covariance_of(np.asarray(at.information), len(p.shared_names), alive)
    bounds = p.shared.at_bound(np.asarray(shared)), p.own.at_bound(np.asarray(own))
    pixels = posed.shots.observation.used()
    losses, progress, gain = (np.asarray(part) for part in (at.value, state.progress, state.gain))
    shots = []
    for i, own_values in enumerate(np.asarray(own)):
        slope = np.concatenate([slopes[0], slopes[1][i]])
        with np.errstate(invalid="ignore"):
            covariance = np.where(np.isinf(covariances[i]), np.inf, covariances[i] * np.outer(slope, slope))
        outcome, reason = _outcome(
            posed, Progress(int(progress[i])), float(gain[i]), bool(aside[i]), np.concatenate([bounds[0], bounds[1][i]])
        )
        shots.append(
            ShotResult(
                outcome=outcome,
                reason=reason,
                values=np.concatenate([np.asarray(shared), own_values]),
                sigmas=np.sqrt(np.diag(covariance)),
                covariance=covariance,
                loss=float(losses[i]),
                pixels=int(pixels[i]),
                warnings=weaknesses(covariance, p.names, p.units) if alive[i] else (),
            )
        )
    fitted = jax.tree.map(np.asarray, _all_moved(p.layout, posed.shots.experiments, shared, own))
    experiments = tuple(jax.tree.map(lambda leaf, i=i: jnp.asarray(leaf[i]), fitted) for i in range(len(shots)))
    names = tuple(stage.name or f"stage {i + 1}" for i, stage in enumerate(posed.stages))
    return FitResult(p.names, p.units, len(p.shared_names), tuple(shots), history, names, experiments)


@partial(jax.jit, static_argnames=("layout",))
def _all_moved(layout: Layout, experiments: Experiment, shared: Array, own: Array) -> Experiment:
    return jax.vmap(layout.moved, in_axes=(0, None, 0))(experiments, shared, own)


def _outcome(posed: Problem, progress: Progress, gain: float, aside: bool, bound: np.ndarray) -> tuple[Outcome, str]:
    if aside:
        return Outcome.DIVERGED, "fits far worse than the other shots, and does not count for the shared parameters"
    if progress is Progress.DIVERGED:
        return Outcome.DIVERGED, "the loss is not finite; the last good values are kept"
    if bound.any():
        names = ", ".join(name for name, is_at in zip(posed.parameters.names, bound, strict=True) if is_at)
        return Outcome.OUT_OF_BOUNDS, f"ran into a bound of {names}"
    if progress is Progress.CONVERGED:
        return Outcome.CONVERGED, f"a further step promises {gain:.1e} in the log-likelihood"
    if progress is Progress.STALLED:
        return Outcome.STALLED, "no step lowers the loss any more"
    steps = posed.stages[-1].steps
    return Outcome.STALLED, f"not done after {steps} steps; a further one promises {gain:.1e} in the log-likelihood"
