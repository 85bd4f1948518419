"""Values that a fit has driven to a bound, where derivatives no longer tell what the data want."""

from __future__ import annotations

from dataclasses import replace

import jax.numpy as jnp
import numpy as np

from nbjax.fit.equations import Focus, Shots, Theta, equations

_FACTORS = (1.0, 0.25, 0.06, 0.015)
"""Shares of the start's distance from a bound at which the likelihood is looked at again."""

_MUCH = 0.5
"""Improvement of the log-likelihood that says that a value is not at its bound of its own accord."""


def bounded(
    shots: Shots, shared: np.ndarray, own: np.ndarray, sigmas: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Which components have run into a bound, and which lie on a lower bound of zero; each boolean, shape (shots, p).

    Args:
        shots: all of them.
        shared, own: values, shape (s,) and (shots, q).
        sigmas: standard deviations of the components of each shot.
    """
    s, of = len(shared), np.stack(sigmas)
    values = np.concatenate([np.broadcast_to(shared, (len(own), s)), own], axis=1)
    ran = [shots.shared.at_bound(values[:, :s]), shots.own.at_bound(values[:, s:])]
    zero = [shots.shared.at_zero(values[:, :s], of[:, :s]), shots.own.at_zero(values[:, s:], of[:, s:])]
    return np.concatenate(ran, axis=1), np.concatenate(zero, axis=1)


def wanted_above(focus: Focus, shots: Shots, theta: Theta, values: np.ndarray, zero: np.ndarray) -> np.ndarray:
    """Which components the data want above the zero on which they lie; boolean, shape (shots, p).

    The map that keeps a value positive is flat at zero, so that a step too far there is a step of no return.

    Args:
        focus, shots, theta: where the fit ended.
        values: negative log-likelihood of each shot there.
        zero: components that lie on zero, shape (shots, p).
    """
    found = np.zeros_like(zero)
    s = len(theta.shared)
    for component in np.flatnonzero(zero.any(axis=0)):
        scaling, i = (shots.shared, component) if component < s else (shots.own, component - s)
        unit = np.broadcast_to(np.asarray(scaling.start)[..., i] / np.asarray(scaling.scale)[..., i], len(zero))
        for factor in _FACTORS:
            at = np.log(factor) * unit
            if component < s:
                trial = replace(theta, shared=theta.shared.at[i].set(at[0]))
            else:
                trial = replace(
                    theta, own=theta.own.at[:, i].set(jnp.where(zero[:, component], at, np.asarray(theta.own[:, i])))
                )
            gain = values - np.asarray(equations(focus, shots, trial).value)
            gain = np.where(np.isfinite(gain), gain, 0.0)
            if component < s:
                gain = np.full_like(gain, gain.sum())
            found[:, component] |= zero[:, component] & (gain > _MUCH)
    return found
