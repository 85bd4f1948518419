"""The stages of single pixels: what the pipeline's own sum met on its way, returned instead of dropped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float, Int

from nbjax.constants import THOMSON_CROSS_SECTION_M2
from nbjax.errors import ArgumentError
from nbjax.experiment import Experiment
from nbjax.geometry.unit_cell import direct_vectors_m
from nbjax.numerics import Components, components
from nbjax.physics.shapes.square import axis_signs
from nbjax.pipeline.accumulate import Samples, fall_off_of, last_row
from nbjax.pipeline.arguments import one_experiment, pixels_of
from nbjax.pipeline.closed.image import is_closed
from nbjax.pipeline.compilation import compiled
from nbjax.pipeline.halos import with_halos
from nbjax.pipeline.image import complete_scene, tiled
from nbjax.pipeline.program import Record, program_of
from nbjax.pipeline.sample import CrystalSample, RaySample
from nbjax.pipeline.scene import Scene, samples_per_layer
from nbjax.pipeline.view import Pixels, seen_by
from nbjax.pipeline.window import pixels_named
from nbjax.stages import SampleStages, SceneStages, Stages

CLOSED_HAS_NO_SAMPLES = 'got "closed", which sums up no samples that could be traced; give "sampled"'


def trace(experiment: Experiment, pixels: ArrayLike | Sequence[Sequence[int]], samples: bool = False) -> Stages:
    """Every factor of single pixels, from the functions that ``simulate`` sums.

    Pure: it can be jitted (with ``samples`` static), differentiated, and mapped over experiments of equal structure.
    A pixel is traced whether or not the region of interest or the mask shows it.

    Args:
        experiment: from ``nbjax.prepare``.
        pixels: (slow, fast) of each pixel, shape (n, 2); of several panels (panel, slow, fast), shape (n, 3).
        samples: whether ``Stages.samples`` holds every layer, subpixel, source, phi step and mosaic domain. Memory
            then grows with their number; without, it does not.

    Returns:
        The stages, in SI units.

    Raises:
        ArgumentError: ``pixels`` is empty, not of that shape, not of whole numbers, or outside the image; or a crystal
            is closed, whose averages have no samples.
    """
    at = pixels_of(one_experiment(experiment).grid, pixels)
    if any(map(is_closed, experiment.crystals)):
        raise ArgumentError(f"crystal.model: {CLOSED_HAS_NO_SAMPLES}")
    if not len(at):
        raise ArgumentError(f"pixels must have the shape (n, {at.shape[1]}), a row for each pixel; got none, name one")
    return _trace(experiment, at, samples)


@partial(compiled, static_argnames=("samples",))
def _trace(experiment: Experiment, pixels: Int[Array, "n axes"], samples: bool) -> Stages:
    experiment = with_halos(experiment)
    scene = complete_scene(experiment)

    def of_numbers(numbers: Array) -> dict[str, Any]:
        return _pixel_stages(*seen_by(experiment, scene, pixels_named(experiment, pixels[numbers])), samples)

    grid = experiment.grid
    return Stages(
        scene=_scene_stages(experiment, scene),
        r_e_squared_m2=jnp.asarray(THOMSON_CROSS_SECTION_M2, experiment.beam.wavelength_m.dtype),
        fluence_photons_per_m2=experiment.beam.fluence_photons_per_m2,
        steps=jnp.asarray(samples_per_layer(experiment, scene), experiment.beam.wavelength_m.dtype),
        mosaic_blocks=scene.crystals[-1].mosaic_blocks if scene.crystals else None,
        beam_share=scene.crystals[-1].beam_share if scene.crystals else None,
        oversample_thickness=grid.oversample_thickness,
        oversample_polarization=grid.oversample_polarization,
        oversample_solid_angle=grid.oversample_solid_angle,
        **tiled(of_numbers, grid.tile, jnp.int32(0), len(pixels)),
    )


def _pixel_stages(experiment: Experiment, scene: Scene, pixels: Pixels, keep: bool) -> dict[str, Any]:
    """The fields of ``Stages`` that have an axis of pixels."""
    record = program_of(experiment).record(experiment, scene, pixels, keep)
    sums, ray = record.sums, record.ray
    grid, steps = experiment.grid, samples_per_layer(experiment, scene)
    passed = 1.0 if record.transmission is None else record.transmission
    means = []
    for i, (own, oversampled) in enumerate(
        (
            (record.capture, grid.oversample_thickness),
            (ray.polarization, grid.oversample_polarization),
            (ray.solid_angle_sr, grid.oversample_solid_angle),
        )
    ):
        means.append(own if oversampled else _ratio(sums[i + 1], sums[i], own))
    return {
        "slow": pixels.slow,
        "fast": pixels.fast,
        "panel": pixels.panel,
        "last": _last_stages(experiment, scene, record),
        "background_electrons_squared": record.background * steps,
        "backgrounds_electrons_squared": jnp.stack(record.backgrounds, axis=-1) * steps if record.backgrounds else None,
        "before_scaling_electrons_squared": sums[0] * steps,
        "capture": means[0],
        "polarization": means[1],
        "solid_angle_sr": means[2],
        "transmission": record.transmission,
        "I_pixel_photons": scene.photons_per_sr_per_electron * sums[-1] * passed,
        "samples": None if record.samples is None else _all_stages(experiment, scene, record, record.samples),
    }


def _ratio(total: Array, part_of: Array, otherwise: Array) -> Array:
    """The factor that turned one sum into the next; that of a sample where the sum is too small to tell."""
    limits = np.finfo(part_of.dtype)
    tells = part_of > limits.tiny / limits.eps
    return jnp.where(tells, total / jnp.where(tells, part_of, 1.0), otherwise)


def _scene_stages(experiment: Experiment, scene: Scene) -> SceneStages:
    sources = len(scene.rays.number) // (experiment.detector.panels.layers * experiment.grid.oversample**2)
    panel = scene.panel
    cell_m = jnp.zeros((3, 3), experiment.beam.wavelength_m.dtype)
    if experiment.crystals:
        cell_m = direct_vectors_m(experiment.crystals[-1].cell)
    return SceneStages(
        origin_m=panel.origin_m,
        fast=panel.fast,
        slow=panel.slow,
        normal=panel.normal,
        beam=experiment.beam.direction,
        close_distance_m=panel.close_distance_m,
        distance_m=panel.distance_m,
        wavelength_m=experiment.beam.wavelength_m,
        cell_m=cell_m,
        source_weights=scene.rays.weight[:sources] * experiment.grid.oversample**2,
    )


def _last_stages(experiment: Experiment, scene: Scene, record: Record) -> SampleStages:
    sample, ray = record.ray, last_row(scene.rays)
    shape = sample.view.airpath_m.shape

    def spread(value: Array) -> Array:
        return jnp.broadcast_to(value, (*shape, *value.shape))

    rows = spread(ray.weight), spread(ray.incident), spread(ray.wavelength_m)
    if record.crystal is None:
        nothing = jnp.zeros_like(sample.view.airpath_m)
        none = CrystalSample((nothing,) * 3, (nothing,) * 3, None, nothing, nothing, nothing)
        return _stages(jnp.ones(3, nothing.dtype), *rows, sample, none, None)
    stages = _stages(experiment.crystals[-1].cells, *rows, sample, record.crystal, None)
    return replace(stages, debye_waller=fall_off_of(scene.crystals[-1], sample))


def _all_stages(experiment: Experiment, scene: Scene, record: Record, samples: Samples) -> tuple[SampleStages, ...]:
    """Samples of each crystal with the axis of pixels in front, and rays and orientations taken apart into theirs."""
    rays = scene.rays
    layers, subpixels = experiment.detector.panels.layers, experiment.grid.oversample
    grid = (layers, subpixels, subpixels, len(rays.number) // (layers * subpixels**2))
    pixels = len(record.background)

    def of_rays(value: Array) -> Array:
        return jnp.moveaxis(value, 1, 0).reshape(value.shape[1], *grid, 1, 1)

    def of_table(value: Array) -> Array:
        return jnp.broadcast_to(value, (pixels, *value.shape)).reshape(pixels, *grid, 1, 1, *value.shape[1:])

    def of_crystal(number: int) -> SampleStages:
        orientations = len(scene.crystals[number].orientations_m)
        phi = experiment.crystals[number].spindle.steps

        def of_all(value: Array) -> Array:
            return jnp.moveaxis(value, 2, 0).reshape(value.shape[2], *grid, phi, orientations // phi)

        ray = jax.tree.map(of_rays, samples.ray)
        stages = _stages(
            experiment.crystals[number].cells,
            of_table(rays.weight / orientations),
            of_table(rays.incident),
            of_table(rays.wavelength_m),
            ray,
            jax.tree.map(of_all, samples.crystals[number]),
            of_all(record.running[number]),
        )
        return replace(stages, debye_waller=fall_off_of(scene.crystals[number], ray))

    return tuple(of_crystal(number) for number in range(len(scene.crystals)))


def _stages(
    cells: Array,
    weight: Array,
    incident: Array,
    wavelength_m: Array,
    ray: RaySample,
    crystal: CrystalSample,
    running: Array | None,
) -> SampleStages:
    axes, lattice = crystal.axes, crystal.lattice
    if axes is not None:
        signs = axis_signs(crystal.hkl, crystal.index, components(cells))
        axes = (axes[0] * signs[0], axes[1] * signs[1], axes[2] * signs[2])
        lattice = lattice * signs[0] * signs[1] * signs[2]
    return SampleStages(
        weight=weight,
        position_m=_vector(ray.view.point_m),
        airpath_m=ray.view.airpath_m,
        diffracted=_vector(ray.view.diffracted),
        incident=incident,
        wavelength_m=wavelength_m,
        scattering_per_m=_vector(ray.scattering_per_m),
        resolved=ray.resolved.astype(weight.dtype),
        polarization=ray.polarization,
        solid_angle_sr=ray.solid_angle_sr,
        capture=ray.capture,
        hkl=_vector(crystal.hkl),
        hkl_nearest=_vector(crystal.index),
        lattice_axes=None if axes is None else _vector(axes),
        lattice=lattice,
        structure_electrons=crystal.structure,
        intensity_electrons_squared=crystal.intensity,
        running_electrons_squared=running,
    )


def _vector(components: Components) -> Float[Array, "... 3"]:
    return jnp.stack(jnp.broadcast_arrays(*components), axis=-1)
