"""Descent by any chain of optax, on gradients taken backwards."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import optax
from jax import Array
from jaxtyping import Bool

from nbjax.fit.equations import Equations, Focus, Shots, Theta, equations, value
from nbjax.fit.matrix_free import is_large, slopes
from nbjax.fit.state import Progress, State, accepted, first_state, judged
from nbjax.pipeline.compilation import compiled

_PATIENCE = 2
"""Calls in a row that gain less than the tolerance, after which a fit without matrices is done."""


@dataclass(frozen=True)
class Descent:
    """An optax chain; without shared parameters, one of its own for each shot.

    The chain sees scaled parameters: a learning rate of 0.1 is a tenth of a component's scale. The best point is kept.
    With more than ``nbjax.fit.matrix_free.LARGE`` components no matrix is formed at any look, and a shot is done when
    twice in a row ``steps_per_call`` steps gain less than the tolerance.

    Attributes:
        chain: for instance ``optax.adam(optax.cosine_decay_schedule(0.5, 200))`` or ``optax.lbfgs()``.
        steps_per_call: steps between two looks at the loss from outside.
    """

    chain: Any
    steps_per_call: int = 10
    matrix_free: ClassVar[bool] = True

    def begin(self, focus: Focus, shots: Shots, theta: Theta, alive: Bool[Array, " shots"], tolerance: float) -> State:
        """State before the first step."""
        memory = theta, self._init(theta)
        if not is_large(theta):
            return first_state(focus, shots, theta, alive, tolerance, memory)
        at = slopes(focus, shots, theta)
        progress = jnp.where(alive, Progress.RUNNING, Progress.DIVERGED)
        idle = jnp.zeros(len(shots), int)
        return State(theta, at, jnp.full(len(shots), jnp.inf), progress, (*memory, at.value, idle))

    def step(self, focus: Focus, shots: Shots, state: State, tolerance: float) -> State:
        """``steps_per_call`` steps of the chain."""
        running = state.progress == Progress.RUNNING
        there, memory = _run(self.chain, self.steps_per_call, focus, shots, running, *state.memory[:2])
        if is_large(there):
            return _decided_by_progress(state, there, slopes(focus, shots, there), memory, tolerance)
        at = equations(focus, shots, there)
        return _decided(state, there, at, memory, tolerance)

    def _init(self, theta: Theta) -> Any:
        if _as_one(theta):
            return self.chain.init(theta)
        return jax.vmap(lambda own: self.chain.init(replace(theta, own=own[None])))(theta.own)


@compiled
def _decided(state: State, there: Theta, at: Equations, memory: Any, tolerance: float | Array) -> State:
    """Descent may rise for a while: the best point is kept, and only what is not finite stops it."""
    kept, _ = accepted(state, there, at, 0.0)
    kept = judged(replace(kept, memory=(there, memory)), tolerance)
    return _stopped(state, kept, there, at)


@compiled
def _decided_by_progress(state: State, there: Theta, at: Equations, memory: Any, tolerance: float | Array) -> State:
    """Without information nothing is promised: a shot is done when calls one after the other gain too little."""
    kept, _ = accepted(state, there, at, 0.0)
    *_, first, idle = state.memory
    running = state.progress == Progress.RUNNING
    gained, in_all = state.equations.value - kept.equations.value, first - kept.equations.value
    if len(there.shared):
        gained, in_all = (jnp.full_like(x, jnp.where(running, x, 0.0).sum()) for x in (gained, in_all))
    idle = jnp.where(gained < tolerance, idle + 1, 0)
    done = running & (idle >= _PATIENCE)
    progress = jnp.where(done, jnp.where(in_all > 0, Progress.CONVERGED, Progress.STALLED), state.progress)
    gain = jnp.where(running, gained, state.gain)
    return _stopped(state, replace(kept, gain=gain, progress=progress, memory=(there, memory, first, idle)), there, at)


def _stopped(before: State, after: State, there: Theta, at: Equations) -> State:
    """The state with shots that ran to where nothing is finite marked as diverged."""
    running = before.progress == Progress.RUNNING
    finite = jnp.isfinite(at.value) & jnp.isfinite(at.gradient).all(axis=1)
    if len(there.shared):
        finite = jnp.full_like(finite, jnp.where(running, finite, True).all())
    stopped = (after.progress == Progress.RUNNING) & ~finite
    return replace(after, progress=jnp.where(stopped, Progress.DIVERGED, after.progress))


@partial(compiled, static_argnames=("chain", "steps"))
def _run(
    chain: Any, steps: int, focus: Focus, shots: Shots, running: Array, theta: Theta, memory: Any
) -> tuple[Theta, Any]:
    if _as_one(theta):
        return _lane(chain, steps, focus, shots, running, theta, memory)

    def lane(experiment: Any, observation: Any, own: Any, runs: Array, at: Array, memory: Any) -> tuple[Theta, Any]:
        first = jax.tree.map(lambda a: a[None], (experiment, observation))
        scaling = replace(shots.own, start=own[0][None], scale=own[1][None])
        one = replace(shots, experiments=first[0], observation=first[1], own=scaling)
        return _lane(chain, steps, focus, one, runs[None], replace(theta, own=at[None]), memory)

    scaling = (shots.own.start, shots.own.scale)
    there, memory = jax.vmap(lane)(shots.experiments, shots.observation, scaling, running, theta.own, memory)
    return Theta(theta.shared, there.own[:, 0]), memory


def _as_one(theta: Theta) -> bool:
    """Whether all shots are one problem; a batch takes both branches of a line search, and one shot need not."""
    return len(theta.shared) > 0 or len(theta.own) == 1


def _lane(
    chain: Any, steps: int, focus: Focus, shots: Shots, running: Array, theta: Theta, memory: Any
) -> tuple[Theta, Any]:
    moving = Theta(focus.shared.astype(float), focus.own * running[:, None].astype(float))

    def total(at: Theta) -> Array:
        return jnp.where(running, value(focus, shots, at), 0.0).sum()

    def step(carry: tuple[Theta, Any], _: None) -> tuple[tuple[Theta, Any], None]:
        at, memory = carry
        loss, slope = jax.value_and_grad(total)(at)
        slope = jax.tree.map(jnp.multiply, slope, moving)
        full = optax.with_extra_args_support(chain)
        change, memory = full.update(slope, memory, at, value=loss, grad=slope, value_fn=total)
        change = jax.tree.map(jnp.multiply, change, moving)
        return (optax.apply_updates(at, change), memory), None

    return jax.lax.scan(step, (theta, memory), None, length=steps)[0]
