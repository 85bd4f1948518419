"""Descent by any chain of optax, on gradients taken backwards."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import Array
from jaxtyping import Bool

from nbjax.fit.equations import Equations, Shots, Theta, View, equations, value
from nbjax.fit.state import Progress, State, accepted, first_state, judged


@dataclass(frozen=True)
class Descent:
    """An optax chain; without shared parameters, one of its own for each shot.

    The chain sees scaled parameters: a learning rate of 0.1 is a tenth of a component's scale. The best point is kept.

    Attributes:
        chain: for instance ``optax.adam(optax.cosine_decay_schedule(0.5, 200))`` or ``optax.lbfgs()``.
        steps_per_call: steps between two looks at the loss from outside.
    """

    chain: Any
    steps_per_call: int = 10

    def begin(self, view: View, shots: Shots, theta: Theta, alive: Bool[Array, " shots"], tolerance: float) -> State:
        """State before the first step."""
        return first_state(view, shots, theta, alive, tolerance, (theta, self._init(theta)))

    def step(self, view: View, shots: Shots, state: State, tolerance: float) -> State:
        """``steps_per_call`` steps of the chain."""
        running = state.progress == Progress.RUNNING
        there, memory = _run(self.chain, self.steps_per_call, view, shots, running, *state.memory)
        at = equations(view, shots, there)
        return _decided(state, there, at, memory, tolerance)

    def _init(self, theta: Theta) -> Any:
        if len(theta.shared):
            return self.chain.init(theta)
        return jax.vmap(lambda own: self.chain.init(replace(theta, own=own[None])))(theta.own)


@jax.jit
def _decided(state: State, there: Theta, at: Equations, memory: Any, tolerance: float | Array) -> State:
    """Descent may rise for a while: the best point is kept, and only what is not finite stops it."""
    kept, _ = accepted(state, there, at, 0.0)
    running = state.progress == Progress.RUNNING
    finite = jnp.isfinite(at.value) & jnp.isfinite(at.gradient).all(axis=1)
    if len(there.shared):
        finite = jnp.full_like(finite, jnp.where(running, finite, True).all())
    kept = judged(replace(kept, memory=(there, memory)), tolerance)
    stopped = (kept.progress == Progress.RUNNING) & ~finite
    return replace(kept, progress=jnp.where(stopped, Progress.DIVERGED, kept.progress))


@partial(jax.jit, static_argnames=("chain", "steps"))
def _run(
    chain: Any, steps: int, view: View, shots: Shots, running: Array, theta: Theta, memory: Any
) -> tuple[Theta, Any]:
    if len(theta.shared):
        return _lane(chain, steps, view, shots, running, theta, memory)

    def lane(experiment: Any, observation: Any, own: Any, runs: Array, at: Array, memory: Any) -> tuple[Theta, Any]:
        first = jax.tree.map(lambda a: a[None], (experiment, observation))
        scaling = replace(shots.own, start=own[0][None], scale=own[1][None])
        one = replace(shots, experiments=first[0], observation=first[1], own=scaling)
        return _lane(chain, steps, view, one, runs[None], replace(theta, own=at[None]), memory)

    scaling = (shots.own.start, shots.own.scale)
    there, memory = jax.vmap(lane)(shots.experiments, shots.observation, scaling, running, theta.own, memory)
    return Theta(theta.shared, there.own[:, 0]), memory


def _lane(
    chain: Any, steps: int, view: View, shots: Shots, running: Array, theta: Theta, memory: Any
) -> tuple[Theta, Any]:
    moving = Theta(view.shared.astype(float), view.own * running[:, None].astype(float))

    def total(at: Theta) -> Array:
        return jnp.where(running, value(view, shots, at), 0.0).sum()

    def step(carry: tuple[Theta, Any], _: None) -> tuple[tuple[Theta, Any], None]:
        at, memory = carry
        loss, slope = jax.value_and_grad(total)(at)
        slope = jax.tree.map(jnp.multiply, slope, moving)
        full = optax.with_extra_args_support(chain)
        change, memory = full.update(slope, memory, at, value=loss, grad=slope, value_fn=total)
        change = jax.tree.map(jnp.multiply, change, moving)
        return (optax.apply_updates(at, change), memory), None

    return jax.lax.scan(step, (theta, memory), None, length=steps)[0]
