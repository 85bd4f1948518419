"""Likelihood and slopes of fits with so many components that no matrix of them is formed."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from nbjax.experiment import Experiment
from nbjax.fit.equations import Equations, Focus, Shots, Theta, expected_photons, value
from nbjax.pipeline.compilation import compiled

LARGE = 1000
"""Components of a shot beyond which neither information nor covariance matrix is formed."""

PROBES = 32


def is_large(theta: Theta) -> bool:
    """Whether a fit does without matrices."""
    return len(theta.shared) + theta.own.shape[-1] > LARGE


@compiled
def slopes(focus: Focus, shots: Shots, theta: Theta) -> Equations:
    """Value and gradient of every shot, taken backwards; no information."""

    def values(at: Theta) -> tuple[Array, Array]:
        each = value(focus, shots, at)
        return each.sum(), each

    (_, each), slope = jax.value_and_grad(values, has_aux=True)(theta)
    shared = jnp.broadcast_to(jnp.where(focus.shared, slope.shared, 0.0), (len(shots), len(slope.shared)))
    # the slope of shared components is that of all shots together
    return Equations(each, jnp.concatenate([shared, jnp.where(focus.own, slope.own, 0.0)], axis=1), None)


def information_diagonal(
    focus: Focus, shots: Shots, theta: Theta, model: Float[Array, "shots chunks n"]
) -> Float[Array, "shots p"]:
    """Estimate of the diagonal of the Fisher information J^T W J, from random signs z: the mean of (J^T W^1/2 z)^2.

    The relative error of an element is about sqrt(2 / PROBES) (Bekas, Kokiopoulou and Saad, Appl. Numer. Math. 57,
    1214, 2007); an element that nothing depends on is exactly 0. Those of shared components are of all shots together.

    Args:
        focus, shots, theta: where.
        model: expected photons there.
    """
    weight = focus.loss.information(model.reshape(-1)).reshape(model.shape)
    root = jnp.where(shots.observation.weight > 0, jnp.sqrt(weight), 0.0)
    found = jnp.zeros((len(shots), len(theta.shared) + theta.own.shape[-1]))
    for key in jax.random.split(jax.random.key(0), PROBES):
        found = found + _probe(focus, shots, theta, root * jax.random.rademacher(key, root.shape, root.dtype))
    return found / PROBES


@compiled
def _probe(
    focus: Focus, shots: Shots, theta: Theta, cotangent: Float[Array, "shots chunks n"]
) -> Float[Array, "shots p"]:
    _, back = jax.vjp(lambda at: _spots(focus, shots, at), theta)
    (found,) = back(cotangent)
    shared = jnp.broadcast_to(found.shared, (len(shots), len(found.shared)))
    return jnp.concatenate([shared, found.own], axis=1) ** 2


def _spots(focus: Focus, shots: Shots, theta: Theta) -> Float[Array, "shots chunks n"]:
    shared = shots.shared.values(theta.shared)

    def shot(experiment: Experiment, pixels: Array, start: Array, scale: Array, at: Array) -> Array:
        own = replace(shots.own, start=start, scale=scale).values(at)

        @jax.checkpoint
        def of_chunk(chunk: Array) -> Array:
            return expected_photons(focus, shots.layout, experiment, shared, own, chunk)

        return jax.lax.map(of_chunk, pixels)

    return jax.vmap(shot)(shots.experiments, shots.observation.pixels, shots.own.start, shots.own.scale, theta.own)
