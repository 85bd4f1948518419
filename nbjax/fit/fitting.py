"""Fits in stages, of one shot or of many at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np

from nbjax.experiment import Experiment
from nbjax.fit.background import Kind
from nbjax.fit.conclusion import conclude, settled
from nbjax.fit.equations import Theta, equations
from nbjax.fit.losses import Loss
from nbjax.fit.matrix_free import is_large, slopes
from nbjax.fit.parameter_set import Free
from nbjax.fit.problem import Problem, problem
from nbjax.fit.result import FitResult, Step
from nbjax.fit.room import with_room_at
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
    background: Kind = "auto",
    set_aside: float | None = None,
    on_step: OnStep | None = None,
) -> FitResult:
    """Fit experiments to measured images.

    Args:
        experiments: where each shot starts, from ``nbjax.prepare``; all of equal structure.
        images: photons of each shot, shape (slow, fast); of several panels (panel, slow, fast).
        frees: parameters that may move, each shared by all shots or of each shot; ``panels[*].shift_mm`` and the like
            stand for those of all panels, groups or crystals.
        stages: one after the other, each from where the last one ended.
        loss: Poisson by default.
        used: boolean images of the pixels that count; all by default, without what the experiments mask.
        convention: of the detector, for its beam centre.
        system: crystal system that ``crystal.cell`` keeps to.
        tries: fits of each shot, all at once, from starts drawn within the parameters' ``scatter``, the first from the
            given start; the one with the least loss is returned. Not with shared parameters.
        seed: of the starts.
        background: what lies under the spots besides what the experiments scatter: a "plane" or a "constant" for each
            box or other small patch of used pixels, a smooth "radial" one for the image, or "none". "auto" is a plane
            where less than half of the image is used, a radial one where more is, and none where the water is fitted.
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
            background=background,
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
        rival: where an earlier attempt of the same fit ended, as ``State.rival``.
    """

    stage: int
    step: int
    theta: Theta
    alive: np.ndarray
    memory: Sequence[np.ndarray]
    history: tuple[Step, ...]
    rival: Theta | None = None


def run(
    posed: Problem,
    *,
    set_aside: float | None = None,
    on_step: OnStep | None = None,
    resume: Resume | None = None,
) -> FitResult:
    """Run all stages of a problem."""
    usable = np.array([reason is None for reason in posed.unusable])
    theta = posed.starts if resume is None else resume.theta
    alive = usable if resume is None else resume.alive
    rival = None if resume is None else resume.rival
    history = [] if resume is None else list(resume.history)
    aside = np.zeros(len(alive), bool)
    state = None
    for number, stage in enumerate(posed.stages):
        if resume is not None and number < resume.stage:
            continue
        focus = posed.focus(stage)
        if stage is not posed.stages[-1] and not bool(focus.shared.any() | focus.own.any()):
            continue
        if stage.restart and state is not None:
            if settled(posed, state, alive):
                break
            theta, alive, rival = posed.starts, usable, state.theta
            aside[:] = False
        at = resume if resume is not None and number == resume.stage else None
        posed = replace(posed, shots=with_room_at(focus, posed.shots, theta, alive))
        state = _stage(posed, number, theta, alive, rival, history, on_step, at)
        theta = state.theta
        alive = np.asarray(state.progress) != Progress.DIVERGED
        aside |= alive & ~_near_the_others(posed, state, alive, set_aside)
        alive &= ~aside
    else:
        if rival is not None and state is not None:
            better = _better(posed, state, rival, alive)
            if better.any():
                theta = _where(better, rival, state.theta)
                state = _stage(posed, len(posed.stages) - 1, theta, alive | better, None, history, on_step, None)
                alive = np.asarray(state.progress) != Progress.DIVERGED
    assert state is not None
    return conclude(posed, state, alive, aside, tuple(history))


def _stage(
    posed: Problem,
    number: int,
    theta: Theta,
    alive: np.ndarray,
    rival: Theta | None,
    history: list[Step],
    on_step: OnStep | None,
    resume: Resume | None,
) -> State:
    """The state at the end of a stage."""
    stage, focus = posed.stages[number], posed.focus(posed.stages[number])
    state = stage.optimiser.begin(focus, posed.shots, theta, jnp.asarray(alive), stage.tolerance)
    state = replace(state, rival=rival)
    done = 0
    if resume is not None:
        done = resume.step
        memory = [jnp.asarray(leaf) for leaf in resume.memory]
        state = replace(state, memory=jax.tree.unflatten(jax.tree.structure(state.memory), memory))
    else:
        _record(history, number, 0, state, on_step)
    while done < stage.steps and bool((state.progress == Progress.RUNNING).any()):
        state = stage.optimiser.step(focus, posed.shots, state, stage.tolerance)
        done += stage.optimiser.steps_per_call
        _record(history, number, done, state, on_step)
    return state


def _better(posed: Problem, state: State, rival: Theta, alive: np.ndarray) -> np.ndarray:
    """Shots that fit better where an earlier attempt ended; all or none where they share parameters."""
    focus = posed.focus(posed.stages[-1])
    before = np.asarray((slopes if is_large(rival) else equations)(focus, posed.shots, rival).value)
    after = np.where(alive, np.asarray(state.equations.value), np.inf)
    # a blank or bad shot may have no finite loss at all
    before, after = (np.where(np.isfinite(value), value, np.inf) for value in (before, after))
    counted = np.array([reason is None for reason in posed.unusable])
    better = counted & (before < after)
    if len(rival.shared):
        return counted & bool(before[alive].sum() < after[alive].sum())
    return better


def _where(chosen: np.ndarray, there: Theta, here: Theta) -> Theta:
    shared = there.shared if chosen.any() else here.shared
    return Theta(shared, jnp.where(jnp.asarray(chosen)[:, None], there.own, here.own))


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
