"""Least-squares solvers of optimistix, on residuals whose squares are twice the negative log-likelihood."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool

from nbjax.errors import ConfigError, Fault
from nbjax.fit.equations import Focus, Shots, Theta, equations, residuals
from nbjax.fit.state import Progress, State, accepted, first_state, judged
from nbjax.pipeline.compilation import compiled

Method = Literal["levenberg_marquardt", "gauss_newton", "dogleg"]
_ROUNDING = 1e-9


@dataclass(frozen=True)
class LeastSquares:
    """One of optimistix's solvers, for each shot on its own.

    Every pixel's residual and its derivatives are held in memory at once; ``Scoring`` holds none.

    Attributes:
        method: Levenberg-Marquardt, Gauss-Newton, or Powell's dogleg.
        steps_per_call: steps between two looks at the loss from outside.
    """

    method: Method = "levenberg_marquardt"
    steps_per_call: int = 10

    def begin(self, focus: Focus, shots: Shots, theta: Theta, alive: Bool[Array, " shots"], tolerance: float) -> State:
        """State before the first step."""
        if len(theta.shared):
            raise ConfigError([Fault("stages.optimiser", f"{self.method} knows no shared parameters; use scoring")])
        return first_state(focus, shots, theta, alive, tolerance, ())

    def step(self, focus: Focus, shots: Shots, state: State, tolerance: float) -> State:
        """``steps_per_call`` steps of the solver, from where the last ones ended."""
        there = _run(self.method, self.steps_per_call, focus, shots, state.theta)
        return _decided(state, there, equations(focus, shots, there), tolerance)


@compiled
def _decided(state: State, there: Theta, at: Any, tolerance: float | Array) -> State:
    kept, better = accepted(state, there, at, _ROUNDING)
    running = state.progress == Progress.RUNNING
    progress = jnp.where(running & ~better, Progress.STALLED, state.progress)
    return judged(replace(kept, progress=progress), tolerance)


@partial(compiled, static_argnames=("method", "steps"))
def _run(method: Method, steps: int, focus: Focus, shots: Shots, theta: Theta) -> Theta:
    import lineax
    import optimistix

    kinds = {
        "levenberg_marquardt": optimistix.LevenbergMarquardt,
        "gauss_newton": optimistix.GaussNewton,
        "dogleg": optimistix.Dogleg,
    }
    # a component that nothing depends on makes the system singular, which only the damped method forgives
    damped = method == "levenberg_marquardt"
    linear = {} if damped else {"linear_solver": lineax.AutoLinearSolver(well_posed=False)}
    solver: Any = kinds[method](rtol=1e-12, atol=1e-12, **linear)

    def lane(one: Shots, own: Array) -> Array:
        def function(x: Array, _: None) -> Array:
            return residuals(focus, one, theta.shared, own + jnp.where(focus.own, x, 0.0))

        found: Any = optimistix.least_squares(
            function, solver, jnp.zeros_like(own), options={"jac": "fwd"}, max_steps=steps, throw=False
        )
        return own + jnp.where(focus.own, found.value, 0.0)

    def shot(parts: tuple[Any, Any, Array, Array, Array]) -> Array:
        experiment, observation, start, scale, own = parts
        scaling = replace(shots.own, start=start, scale=scale)
        return lane(replace(shots, experiments=experiment, observation=observation, own=scaling), own)

    # one after the other: in a batch, every shot would take as many steps as the slowest
    own = jax.lax.map(shot, (shots.experiments, shots.observation, shots.own.start, shots.own.scale, theta.own))
    return Theta(theta.shared, own)
