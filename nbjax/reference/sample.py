"""Single samples as the C program evaluates them: where it takes their factors, and with which amplitudes."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float

from nbjax.experiment import Experiment
from nbjax.geometry.scattering import scattering_vector
from nbjax.numerics import Components, components
from nbjax.physics import structure_factor
from nbjax.physics.shapes import SHAPES, Radial
from nbjax.physics.structure_factor import StructureFactors
from nbjax.pipeline.accumulate import Evaluate, Orientation, evaluate_with, low_of
from nbjax.pipeline.sample import (
    CrystalSample,
    RaySample,
    Scatterer,
    capture_at,
    crystal_sample,
    is_kept,
    polarization_at,
    ray_view,
    sample_indices,
    sample_lattice,
    sample_seen,
    scatterer_of,
)
from nbjax.pipeline.scene import RayTable
from nbjax.pipeline.view import FactorViews, Pixels, View, look
from nbjax.reference.scene import ReferenceScene


def reference_ray(
    entries: Container[str],
    experiment: Experiment,
    scene: ReferenceScene,
    pixels: Pixels,
    ray: RayTable,
    polarization: Array | None = None,
) -> tuple[RaySample, Array]:
    """One row of the ray table, and the capture that it is multiplied by instead of that of its own layer.

    Args:
        entries: names of the ledger.
        experiment, scene, pixels: the tile's context.
        ray: one row.
        polarization: replaces the ray's own, for ``first_sample_factors``.
    """
    grid, rays = experiment.grid, scene.rays
    view = ray_view(experiment, scene, pixels, ray)
    first = "first_sample_factors" in entries
    last = "last_layer_capture" in entries and not grid.oversample_thickness
    place = (rays.slow_offset[0], rays.fast_offset[0]) if first else (jnp.full_like(ray.depth, 0.5),) * 2

    def seen(depth: Array, is_own_layer: bool) -> View:
        if grid.oversample == 1 and is_own_layer:
            return view
        return look(experiment, scene, pixels, place, depth)

    common = seen(rays.depth[0] if first else ray.depth, not first or experiment.panel.layers == 1)
    at = FactorViews(
        solid_angle=view if grid.oversample_solid_angle else common,
        polarization=view if grid.oversample_polarization else common,
        capture=view if grid.oversample_thickness else seen(ray.depth, True),
    )
    sample = sample_seen(experiment, scene, pixels, ray, view, at)
    if polarization is not None:
        sample = replace(sample, polarization=polarization)
    if last and experiment.panel.has_sensor:
        return sample, capture_at(experiment, scene, seen(rays.depth[-1], False), rays.layer[-1], rays.wavelength_m[-1])
    if grid.oversample_thickness and not experiment.panel.has_sensor and "oversample_thick_alone" in entries:
        sample = replace(sample, capture=jnp.zeros_like(sample.capture))
    return sample, sample.capture


def first_polarization(
    entries: Container[str], experiment: Experiment, scene: ReferenceScene, pixels: Pixels
) -> Array | None:
    """Polarization of the first ray that is not cut, 0 if all are; None unless ``first_sample_factors`` asks for it."""
    grid = experiment.grid
    if "first_sample_factors" not in entries or grid.oversample_polarization:
        return None

    def step(found: Array, ray: RayTable) -> tuple[Array, None]:
        view = ray_view(experiment, scene, pixels, ray)
        q = scattering_vector(view.diffracted, components(ray.incident), ray.wavelength_m)
        new = (found == 0) & is_kept(experiment, q)
        return jnp.where(new, polarization_at(experiment, ray, view), found), None

    candidates = scene.rays if grid.resolution_cut else jax.tree.map(lambda rows: rows[:1], scene.rays)
    return jax.lax.scan(step, jnp.zeros_like(pixels.slow), candidates)[0]


def is_reached(experiment: Experiment, sample: RaySample, crystal: CrystalSample) -> Bool[Array, "..."]:
    """Samples that the C program does not skip before it looks up the structure factor."""
    return sample.resolved & ((crystal.lattice != 0) | bool(experiment.backgrounds))


def leaves_table(factors: StructureFactors, hkl: Components) -> Bool[Array, "..."]:
    """The C program's test, which keeps two whole indices of margin on either side."""
    assert factors.values is not None
    outside = jnp.zeros(hkl[0].shape, bool)
    for x, low, size in zip(hkl, factors.minimum, factors.values.shape[-3:], strict=True):
        outside |= (x - low + 3 > size) | (x - 2 < low)
    return outside


def departs(scene: ReferenceScene) -> bool:
    """Whether the C program has lattice or structure factors of its own."""
    return scene.state.reciprocal_per_A is not None or scene.state.latch_pixel is not None


def evaluate_in_run(
    experiment: Experiment, scene: ReferenceScene, pixels: Pixels, ray: RayTable, sample: RaySample
) -> Evaluate:
    """The function that evaluates an orientation for a ray, at its place in the run."""
    state, scatterer = scene.state, scatterer_of(experiment, scene, 0).lit_by(ray)
    if not departs(scene):
        return evaluate_with(scatterer, sample)

    def evaluate(item: Orientation) -> CrystalSample:
        direct_m, _, number = item
        hkl, index, delta = sample_indices(direct_m, sample.scattering_per_m, low_of(sample, item))
        if state.reciprocal_per_A is None:
            lattice, axes = sample_lattice(scatterer, delta)
        else:
            lattice, axes = _star_lattice(scatterer, delta, state.reciprocal_per_A), None
        if state.latch_pixel is None or state.latch_sample is None:
            return crystal_sample(hkl, index, axes, lattice, scatterer.factors.at(hkl, index))
        # interpolation is off for good after the first sample outside the table
        after = number + ray.number * len(scene.crystals[0].orientations_m) >= state.latch_sample
        latched = (pixels.number > state.latch_pixel) | ((pixels.number == state.latch_pixel) & after)
        between = structure_factor.tricubic(scatterer.factors, hkl)
        structure = jnp.where(latched, structure_factor.nearest(scatterer.factors, index), between)
        return crystal_sample(hkl, index, axes, lattice, structure)

    return evaluate


def _star_lattice(scatterer: Scatterer, delta: Components, reciprocal_per_A: Float[Array, "3 3"]) -> Array:
    """The lattice factor of a spot radius with a dimension: |sum delta_i a_i*|^2 (Na Nb Nc)^2, a_i* in 1/A as rows."""
    shape, dtype = SHAPES[scatterer.shape], scatterer.factors.default.dtype
    assert isinstance(shape, Radial)
    x, y, z = (sum(delta[i] * reciprocal_per_A[i, j].astype(delta[i].dtype) for i in range(3)) for j in range(3))
    count = scatterer.cells[0] * scatterer.cells[1] * scatterer.cells[2]
    radius_sq = (x * x + y * y + z * z) * count**2
    return shape.of_radius(radius_sq, shape.peak(scatterer.cells, scatterer.fudge, dtype), scatterer.fudge)
