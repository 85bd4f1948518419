"""Where the shots of a fit stand between two steps, and the linear system that judges and moves them.

Shots that share parameters couple only through those, so that the system is solved shot by shot, with a Schur
complement for the shared block.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float, Int

from nbjax.fit.equations import Equations, Focus, Shots, Theta, equations
from nbjax.pipeline.compilation import compiled

_JUDGING_DAMPING = 1e-9


class Progress(IntEnum):
    """Where a shot stands within a stage."""

    RUNNING = 0
    CONVERGED = 1
    STALLED = 2
    DIVERGED = 3


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class State:
    """Of a stage between two steps.

    Attributes:
        theta: the best point so far.
        equations: there.
        gain: improvement of the log-likelihood that an undamped scoring step promises, shape (shots,).
        progress: a ``Progress`` for each shot.
        memory: what the optimiser remembers.
        rival: where an earlier attempt from the same start ended, if there was one.
    """

    theta: Theta
    equations: Equations
    gain: Float[Array, " shots"]
    progress: Int[Array, " shots"]
    memory: Any
    rival: Theta | None = None


def first_state(
    focus: Focus, shots: Shots, theta: Theta, alive: Bool[Array, " shots"], tolerance: float, memory: Any
) -> State:
    """State before the first step."""
    progress = jnp.where(alive, Progress.RUNNING, Progress.DIVERGED)
    return judged(State(theta, equations(focus, shots, theta), jnp.zeros(len(shots)), progress, memory), tolerance)


def accepted(state: State, trial: Theta, there: Equations, allowance: float) -> tuple[State, Bool[Array, " shots"]]:
    """The state at a trial point for the running shots whose loss is finite and lower there, and which these are.

    Shots that share parameters move together, judged by their sum. ``allowance`` is the relative rise that counts as
    none.
    """
    running = state.progress == Progress.RUNNING
    finite = _finite(there)
    before, after = state.equations.value, there.value
    if len(trial.shared):
        before, after = (jnp.full_like(v, jnp.where(running, v, 0.0).sum()) for v in (before, after))
        finite = jnp.full_like(finite, jnp.where(running, finite, True).all())
    better = running & finite & (after <= before + allowance * jnp.abs(before))

    def keep(new: Array, old: Array) -> Array:
        return jnp.where(better.reshape(-1, *[1] * (new.ndim - 1)), new, old)

    shared = jnp.where(better.any(), trial.shared, state.theta.shared)
    at = jax.tree.map(keep, there, state.equations)
    return replace(state, theta=Theta(shared, keep(trial.own, state.theta.own)), equations=at), better


@compiled
def judged(state: State, tolerance: float | Array) -> State:
    """The state with gain and progress brought up to date."""
    running = state.progress == Progress.RUNNING
    finite = _finite(state.equations)
    damping = jnp.full_like(state.gain, _JUDGING_DAMPING)
    _, gain = solve(state.equations, len(state.theta.shared), damping, running & finite)
    progress = jnp.where(running & ~finite, Progress.DIVERGED, state.progress)
    assert state.equations.information is not None
    # where nothing depends on any component, no gain is promised either
    blind = (jnp.diagonal(state.equations.information, axis1=1, axis2=2) == 0).all(axis=1)
    progress = jnp.where(running & finite & (gain < tolerance), Progress.CONVERGED, progress)
    progress = jnp.where(running & finite & blind, Progress.STALLED, progress)
    return replace(state, gain=jnp.where(running, gain, state.gain), progress=progress)


def solve(
    at: Equations, s: int, damping: Float[Array, " shots"], counted: Bool[Array, " shots"]
) -> tuple[Theta, Float[Array, " shots"]]:
    """Step, and the gain that it promises to each shot; the first ``s`` components are shared.

    The system is [[A, B], [B^T, C]] with A and the right-hand side of the shared components summed over shots. It is
    scaled to a unit diagonal. With shared components the promised gain is that of all shots together.
    """
    assert at.information is not None
    weight = jnp.where(counted, 1.0, 0.0)
    gradient = jnp.where(counted[:, None], at.gradient, 0.0)
    information = jnp.where(counted[:, None, None], at.information, 0.0)
    own_scale = _roots(jnp.diagonal(information[:, s:, s:], axis1=1, axis2=2))
    total = information[:, :s, :s].sum(axis=0)
    shared_scale = _roots(jnp.diagonal(total))
    c = information[:, s:, s:] / own_scale[:, :, None] / own_scale[:, None, :]
    b = information[:, :s, s:] / shared_scale[None, :, None] / own_scale[:, None, :]
    a = total / shared_scale[:, None] / shared_scale[None, :]
    g_own, g_shared = gradient[:, s:] / own_scale, gradient[:, :s].sum(axis=0) / shared_scale
    most = jnp.max(jnp.where(counted, damping, 0.0))
    c = _damped(c, damping[:, None])
    if c.shape[-1]:
        inverse = jnp.linalg.inv(c)
        into_own = -jnp.einsum("nij,nj->ni", inverse, g_own)
    else:
        inverse, into_own = c, jnp.zeros_like(g_own)
    change_shared = jnp.zeros(s, g_own.dtype)
    if s:
        schur = _damped(a, most) - jnp.einsum("nij,njk,nlk->il", b, inverse, b)
        change_shared = -jnp.linalg.solve(schur, g_shared + jnp.einsum("nij,nj->i", b, into_own))
    change_own = into_own - jnp.einsum("nij,nkj,k->ni", inverse, b, change_shared)
    gain = -0.5 * (change_own * g_own).sum(axis=1)
    if s:
        gain = jnp.full_like(gain, gain.sum() - 0.5 * change_shared @ g_shared)
    return Theta(change_shared / shared_scale, change_own / own_scale * weight[:, None]), gain


def _roots(diagonal: Array) -> Array:
    return jnp.sqrt(jnp.where(diagonal > 0, diagonal, 1.0))


def _damped(matrix: Array, damping: Array) -> Array:
    diagonal = jnp.diagonal(matrix, axis1=-2, axis2=-1)
    # a component that nothing depends on stays where it is
    more = jnp.where(diagonal > 0, damping * diagonal, 1.0)
    return matrix + more[..., None] * jnp.eye(matrix.shape[-1], dtype=matrix.dtype)


def _finite(at: Equations) -> Array:
    parts = [at.value, at.gradient.sum(axis=1)]
    if at.information is not None:
        parts.append(at.information.sum(axis=(1, 2)))
    return jnp.isfinite(jnp.stack(parts)).all(axis=0)
