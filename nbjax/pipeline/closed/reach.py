"""How far into reciprocal space a detector sees, and whether a capacity's search goes as far."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float

from nbjax.experiment import CrystalParameters, Experiment
from nbjax.geometry.panel import Panel
from nbjax.geometry.unit_cell import direct_vectors_m
from nbjax.pipeline.scene import Scene
from nbjax.sampling.capacity import Capacity

_ROUNDING = 1e-9


def longest_seen_per_m(experiment: Experiment, scene: Scene) -> Float[Array, ""]:
    """The longest scattering vector that a pixel sees, of all panels and sources."""
    grid, panels = experiment.grid, experiment.detector.panels
    edges = jnp.linspace(0.0, 1.0, 17)
    fast, slow = (jnp.stack([*grids]) for grids in jnp.meshgrid(edges * grid.fast, edges * grid.slow))

    def of_panel(panel: Panel, sizes_m: tuple[Array, Array]) -> Array:
        point = jnp.stack(panel.point(fast * sizes_m[0], slow * sizes_m[1], jnp.zeros_like(fast)), -1)
        direction = point / jnp.linalg.norm(point, axis=-1, keepdims=True)
        rays = scene.rays
        q = (direction[..., None, :] - rays.incident) / rays.wavelength_m[:, None]
        return jnp.linalg.norm(q, axis=-1).max()

    if grid.panels == 1:
        return of_panel(scene.panel, panels.pixel_sizes_m)
    return jax.vmap(of_panel)(scene.panel, panels.pixel_sizes_m).max()


def is_beyond(longest_per_m: Float[Array, ""], crystal: CrystalParameters, capacity: Capacity) -> Bool[Array, ""]:
    """Whether a detector that sees so far may show reflections that are not searched for."""
    far = longest_per_m * (1 - _ROUNDING)
    last = jnp.floor(far * jnp.linalg.norm(direct_vectors_m(crystal.cell), axis=1))
    first, factors = -last, crystal.factors
    if factors.values is not None:
        # nothing reflects outside of a table without a default
        ends = jnp.asarray(factors.minimum), jnp.asarray(factors.minimum) + jnp.asarray(factors.values.shape[-3:]) - 1
        alone = factors.default == 0
        first = jnp.where(alone, jnp.maximum(first, ends[0]), first)
        last = jnp.where(alone, jnp.minimum(last, ends[1]), last)
    lowest = jnp.asarray(capacity.lowest)
    outside = (first < lowest) | (last >= lowest + jnp.asarray(capacity.sizes))
    return (far > capacity.longest_per_m) | (outside & (first <= last)).any()
