"""Fisher scoring with Levenberg's and Marquardt's damping, for shots that share some of their parameters.

With the information matrix in place of the second derivatives, a step is a Gauss-Newton step of whatever likelihood is
fitted (Osborne, Int. Stat. Rev. 60, 99, 1992).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool

from nbjax.fit.equations import Equations, Focus, Shots, Theta, equations
from nbjax.fit.state import Progress, State, accepted, first_state, judged, solve
from nbjax.pipeline.compilation import compiled

_FIRST_DAMPING, _MOST_DAMPING, _LEAST_DAMPING = 1e-2, 1e12, 1e-12
_RAISE, _LOWER = 4.0, 0.2
_ROUNDING = 1e-13


@dataclass(frozen=True)
class Scoring:
    """Damped Fisher scoring; what it remembers between steps is the damping of each shot."""

    steps_per_call = 1

    def begin(self, focus: Focus, shots: Shots, theta: Theta, alive: Bool[Array, " shots"], tolerance: float) -> State:
        """State before the first step; shots that are not alive stay where they are and do not count."""
        return first_state(focus, shots, theta, alive, tolerance, jnp.full(len(shots), _FIRST_DAMPING))

    def step(self, focus: Focus, shots: Shots, state: State, tolerance: float) -> State:
        """Try one step for every running shot; keep it where it lowers the loss."""
        trial = _proposed(state)
        return _decided(state, trial, equations(focus, shots, trial), tolerance)


@compiled
def _proposed(state: State) -> Theta:
    running = state.progress == Progress.RUNNING
    change, _ = solve(state.equations, len(state.theta.shared), state.memory, running)
    own = state.theta.own + jnp.where(running[:, None], change.own, 0.0)
    return Theta(state.theta.shared + change.shared, own)


@compiled
def _decided(state: State, trial: Theta, there: Equations, tolerance: float | Array) -> State:
    kept, better = accepted(state, trial, there, _ROUNDING)
    running = state.progress == Progress.RUNNING
    damping = jnp.where(better, state.memory * _LOWER, state.memory * _RAISE)
    damping = jnp.where(running, jnp.maximum(damping, _LEAST_DAMPING), state.memory)
    stuck = running & (damping > _MOST_DAMPING)
    progress = jnp.where(stuck, Progress.STALLED, state.progress)
    # a gain that the loss cannot show is none: in 32 bits losses end there before they end at a tolerance
    value = state.equations.value
    unseen = running & ~better & (state.gain < float(np.finfo(value.dtype).eps) * jnp.abs(value))
    progress = jnp.where(unseen, Progress.CONVERGED, progress)
    return judged(replace(kept, memory=damping, progress=progress), tolerance)
