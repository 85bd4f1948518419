"""Fits in stages, of one shot or of many at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np

from nbjax.experiment import Experiment
from nbjax.fit.conclusion import conclude
from nbjax.fit.equations import Theta
from nbjax.fit.losses import Loss
from nbjax.fit.parameter_set import Free
from nbjax.fit.problem import Problem, problem
from nbjax.fit.result import FitResult, Step
from nbjax.fit.stages import COARSE_TO_FINE, Stage
from nbjax.fit.state import Progress, State

OnStep = Callable[[int, State, Step], None]


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
    alive = np.array([reason is None for reason in posed.unusable]) if resume is None else resume.alive
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
    return conclude(posed, state, alive, aside, tuple(history))


def _record(history: list[Step], stage: int, step: int, state: State, on_step: OnStep | None) -> None:
    entry = Step(stage, step, np.asarray(state.equations.value))
    history.append(entry)
    if on_step is not None:
        on_step(stage, state, entry)


def _near_the_others(posed: Problem, state: State, alive: np.ndarray, factor: float | None) -> np.ndarray:
    losses = np.asarray(state.equations.value) / np.maximum(posed.shots.observation.used(), 1)
    if factor is None or not alive.any():
        return np.ones(len(losses), bool)
    return losses <= factor * np.median(losses[alive])
