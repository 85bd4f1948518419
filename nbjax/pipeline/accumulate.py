"""The sum over all samples of a pixel."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array

from nbjax.experiment import Experiment
from nbjax.numerics import components
from nbjax.parity.interpolation_latch import leaves_table
from nbjax.parity.running_product import add_and_multiply
from nbjax.pipeline.sample import Cell, CrystalSample, RaySample, first_polarization, sample_crystal, sample_ray
from nbjax.pipeline.scene import RayTable, Scene
from nbjax.pipeline.view import Pixels

NEVER = 2**31 - 1
"""Number of an event that does not happen."""

Combine = Callable[[Array, CrystalSample], Array]


def pixel_photons(experiment: Experiment, scene: Scene, pixels: Pixels) -> Array:
    """Photons of each pixel of a tile: the mean over rays and orientations, plus background.

    Memory does not depend on the number of samples: rays and orientations are scanned, and recomputed for gradients.
    """
    polarization = first_polarization(experiment, scene, pixels)
    running = "running_product" in experiment.parity and _oversamples(experiment)
    orientations = len(scene.orientations_m)
    per_orientation = scene.photons_per_sr_per_electron / orientations

    def add_ray(total: Array, ray: RayTable) -> tuple[Array, None]:
        sample = sample_ray(experiment, scene, pixels, ray, polarization)
        fixed, oversampled = _factors(experiment, sample)
        if running:

            def combine(running_total: Array, crystal: CrystalSample) -> Array:
                term = ray.weight * fixed * per_orientation * crystal.intensity
                return add_and_multiply(running_total, term, oversampled, _reached(experiment, sample, crystal))

            return _over_orientations(experiment, scene, pixels, ray, sample, total, combine), None
        nothing = jnp.zeros_like(total)
        bragg = _over_orientations(experiment, scene, pixels, ray, sample, nothing, lambda t, c: t + c.intensity)
        bragg = jnp.where(sample.resolved, ray.weight * per_orientation * bragg, 0.0)
        if experiment.crystal.has_water:
            bragg += ray.background_weight * scene.background_photons_per_sr
        return total + fixed * oversampled * bragg, None

    start = jnp.zeros_like(pixels.slow)
    if running and experiment.crystal.has_water:
        first = sample_ray(experiment, scene, pixels, jax.tree.map(lambda a: a[0], scene.rays), polarization)
        start = scene.background_photons_per_sr * _factors(experiment, first)[0]
    return jax.lax.scan(jax.checkpoint(add_ray), start, scene.rays)[0]


def first_leaving_sample(experiment: Experiment, scene: Scene, pixels: Pixels) -> Array:
    """Number of the first sample of each pixel whose interpolation leaves the table; the largest integer if none."""
    orientations = len(scene.orientations_m)

    def add_ray(found: Array, ray: RayTable) -> tuple[Array, None]:
        sample = sample_ray(experiment, scene, pixels, ray, jnp.ones_like(pixels.slow))

        def step(found: Array, item: tuple[Array, Array | None, Array]) -> tuple[Array, None]:
            vectors, fresh, number = item
            cell = _cell(scene, pixels, ray, vectors, fresh)
            crystal = sample_crystal(experiment, scene, cell, sample.scattering_per_m)
            leaves = _reached(experiment, sample, crystal) & leaves_table(scene.factors, crystal.hkl)
            return jnp.where(leaves, jnp.minimum(found, ray.number * orientations + number), found), None

        return jax.lax.scan(step, found, _orientation_items(scene))[0], None

    start = jnp.full(pixels.slow.shape, NEVER, jnp.int32)
    return jax.lax.scan(add_ray, start, scene.rays)[0]


def first_resolved_ray(experiment: Experiment, scene: Scene, pixels: Pixels) -> Array:
    """Number of the first ray of each pixel above the resolution limit; the largest integer if none."""

    def step(found: Array, ray: RayTable) -> tuple[Array, None]:
        resolved = sample_ray(experiment, scene, pixels, ray, jnp.ones_like(pixels.slow)).resolved
        return jnp.where(resolved, jnp.minimum(found, ray.number), found), None

    start = jnp.full(pixels.slow.shape, NEVER, jnp.int32)
    return jax.lax.scan(step, start, scene.rays)[0]


def _over_orientations(
    experiment: Experiment,
    scene: Scene,
    pixels: Pixels,
    ray: RayTable,
    sample: RaySample,
    start: Array,
    combine: Combine,
) -> Array:
    def step(total: Array, item: tuple[Array, Array | None, Array]) -> tuple[Array, None]:
        vectors, fresh, number = item
        latched = None
        state = scene.parity
        if state.latch_pixel is not None and state.latch_sample is not None:
            after = number + ray.number * orientations >= state.latch_sample
            latched = (pixels.order > state.latch_pixel) | ((pixels.order == state.latch_pixel) & after)
        cell = _cell(scene, pixels, ray, vectors, fresh)
        crystal = sample_crystal(experiment, scene, cell, sample.scattering_per_m, latched)
        return combine(total, crystal).astype(total.dtype), None

    orientations = len(scene.orientations_m)
    return jax.lax.scan(jax.checkpoint(step), start, _orientation_items(scene))[0]


def _orientation_items(scene: Scene) -> tuple[Array, Array | None, Array]:
    """Vectors of every orientation, those of the first evaluation of the run, and numbers, to scan over."""
    numbers = jnp.arange(len(scene.orientations_m), dtype=jnp.int32)
    return scene.orientations_m, scene.parity.first_orientations_m, numbers


def _reached(experiment: Experiment, sample: RaySample, crystal: CrystalSample) -> Array:
    """Samples that the C program does not skip before it looks up the structure factor."""
    return sample.resolved & ((crystal.lattice != 0) | experiment.crystal.has_water)


def _cell(scene: Scene, pixels: Pixels, ray: RayTable, vectors: Array, fresh: Array | None) -> Cell:
    """Direct vectors of an orientation; those of the first evaluation of the run where it is that one."""
    if fresh is not None and scene.parity.first_pixel is not None:
        is_first = (pixels.order == scene.parity.first_pixel) & (ray.number == scene.parity.first_ray)
        vectors = jnp.where(is_first[:, None, None], fresh, vectors)
    return components(vectors[..., 0, :]), components(vectors[..., 1, :]), components(vectors[..., 2, :])


def _oversamples(experiment: Experiment) -> bool:
    grid = experiment.grid
    return grid.oversample_solid_angle or grid.oversample_polarization or grid.oversample_thickness


def _factors(experiment: Experiment, sample: RaySample) -> tuple[Array, Array]:
    """Products of the geometry factors that are not oversampled, and of those that are."""
    grid = experiment.grid
    fixed = oversampled = jnp.ones_like(sample.solid_angle_sr)
    for factor, is_oversampled in (
        (sample.capture, grid.oversample_thickness),
        (sample.polarization, grid.oversample_polarization),
        (sample.solid_angle_sr, grid.oversample_solid_angle),
    ):
        if is_oversampled:
            oversampled = oversampled * factor
        else:
            fixed = fixed * factor
    return fixed, oversampled
