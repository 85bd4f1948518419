"""The first events of a run: the C program's later pixels remember them."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Int

from nbjax.experiment import Experiment
from nbjax.pipeline.accumulate import Orientation, low_of
from nbjax.pipeline.image import TileFunction, map_window
from nbjax.pipeline.sample import sample_crystal, sample_ray, scatterer_of
from nbjax.pipeline.scene import RayTable
from nbjax.pipeline.view import Pixels
from nbjax.pipeline.window import position, window_size
from nbjax.reference.accumulate import first_apart, items_in_run
from nbjax.reference.sample import is_reached, leaves_table
from nbjax.reference.scene import ReferenceScene

NEVER = 2**31 - 1
"""Number of an event that does not happen."""


def with_first_evaluation(experiment: Experiment, scene: ReferenceScene) -> ReferenceScene:
    """The scene that knows the first pixel and ray of the run that are evaluated."""
    always = not experiment.grid.resolution_cut
    pixel, ray = first_event(experiment, scene, _first_resolved_ray, always)
    return replace(scene, state=replace(scene.state, first_pixel=pixel, first_ray=ray))


def with_end_of_interpolation(experiment: Experiment, scene: ReferenceScene) -> ReferenceScene:
    """The scene that knows the first sample of the run that leaves the table."""
    pixel, sample = first_event(experiment, scene, first_leaving_sample)
    return replace(scene, state=replace(scene.state, latch_pixel=pixel, latch_sample=sample))


def first_event(
    experiment: Experiment, scene: ReferenceScene, find: TileFunction, always: bool = False
) -> tuple[Int[Array, ""], Int[Array, ""]]:
    """Pixel (slow * width + fast) and number of the first event in a run; the largest integers if there is none.

    With ``always`` every pixel is known to have its event at 0, and none is computed.
    """
    if always and experiment.mask is None:
        first_fast, _, first_slow, _ = experiment.grid.roi
        return jnp.int32(first_slow * experiment.grid.fast + first_fast), jnp.int32(0)
    events = jnp.zeros(window_size(experiment.grid), jnp.int32) if always else map_window(experiment, find, scene)
    if experiment.mask is not None:
        first_fast, end_fast, first_slow, end_slow = experiment.grid.roi
        shown = experiment.mask[first_slow:end_slow, first_fast:end_fast] > 0
        events = jnp.where(shown.reshape(-1), events, NEVER)
    first = jnp.argmax(events < NEVER)
    _, slow, fast = position(experiment.grid, first)
    number = (slow * experiment.grid.fast + fast).astype(jnp.int32)
    return jnp.where(events[first] < NEVER, number, NEVER), events[first]


def first_leaving_sample(experiment: Experiment, scene: ReferenceScene, pixels: Pixels) -> Array:
    """Number of the first sample of each pixel whose interpolation leaves the table; the largest integer if none."""
    return first_apart(scene, pixels, lambda scene, pixels: _first_leaving_sample(experiment, scene, pixels))


def _first_leaving_sample(experiment: Experiment, scene: ReferenceScene, pixels: Pixels) -> Array:
    orientations, scatterer = len(scene.crystals[0].orientations_m), scatterer_of(experiment, scene, 0)

    def add_ray(found: Array, ray: RayTable) -> tuple[Array, None]:
        sample, lit = sample_ray(experiment, scene, pixels, ray), scatterer.lit_by(ray)

        def step(found: Array, item: Orientation) -> tuple[Array, None]:
            crystal = sample_crystal(lit, item[0], sample.scattering_per_m, low_of(sample, item))
            leaves = is_reached(experiment, sample, crystal) & leaves_table(scatterer.factors, crystal.hkl)
            return jnp.where(leaves, jnp.minimum(found, ray.number * orientations + item[2]), found), None

        return jax.lax.scan(step, found, items_in_run(scene, ray))[0], None

    start = jnp.full(pixels.slow.shape, NEVER, jnp.int32)
    return jax.lax.scan(add_ray, start, scene.rays)[0]


def _first_resolved_ray(experiment: Experiment, scene: ReferenceScene, pixels: Pixels) -> Array:
    """Number of the first ray of each pixel above the resolution limit; the largest integer if none."""

    def step(found: Array, ray: RayTable) -> tuple[Array, None]:
        resolved = sample_ray(experiment, scene, pixels, ray).resolved
        return jnp.where(resolved, jnp.minimum(found, ray.number), found), None

    start = jnp.full(pixels.slow.shape, NEVER, jnp.int32)
    return jax.lax.scan(step, start, scene.rays)[0]
