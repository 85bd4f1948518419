"""One sample of one pixel: first the ray (layer, subpixel, source), then the crystal (phi step, mosaic domain).

All functions act on fields of any shape; the pipeline calls them with one entry for each pixel of a tile.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from nbjax.experiment import Experiment, without_tables
from nbjax.fields import STATIC
from nbjax.geometry.scattering import (
    is_resolved,
    miller_indices,
    miller_indices_in_pairs,
    nearest_index,
    scattering_vector,
)
from nbjax.numerics import Components, components
from nbjax.pairs.transform import in_pairs
from nbjax.parity import star_shape
from nbjax.physics import lattice_factor, structure_factor
from nbjax.physics.absorption import capture_fraction
from nbjax.physics.polarization import polarization_factor
from nbjax.physics.solid_angle import solid_angle_sr
from nbjax.physics.structure_factor import StructureFactors
from nbjax.pipeline.scene import RayTable, Scene
from nbjax.pipeline.view import Pixels, View, factor_views, look

Low = tuple[Array, Components] | None
"""What direct vectors and q lack to 64 bits; only with precision ``single``."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class RaySample:
    """What a layer, subpixel and source contribute to every crystal orientation.

    Attributes:
        view: the subpixel.
        scattering_per_m: q.
        scattering_low_per_m: what q lacks to 64 bits; only with precision ``single``.
        resolved: whether the sample is above the resolution limit.
        polarization, solid_angle_sr, capture: the three geometry factors.
        own_capture: capture of the ray's own layer, which ``last_layer_capture`` replaces.
    """

    view: View
    scattering_per_m: Components
    resolved: Array
    polarization: Array
    solid_angle_sr: Array
    capture: Array
    own_capture: Array
    scattering_low_per_m: Components | None = None


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Domain:
    """What the scattering of every orientation of the crystal depends on, besides its Miller indices.

    Attributes:
        cells, fudge, shape, interpolate: as of ``CrystalParameters``; the cells of each axis by themselves.
        factors: structure factors in the type of the intensity.
        reciprocal_per_A: see ``ParityState``.
        block: as of ``Grid``.
    """

    cells: Components
    fudge: Array
    factors: StructureFactors
    reciprocal_per_A: Float[Array, "3 3"] | None
    shape: str = field(metadata=STATIC)
    interpolate: bool = field(metadata=STATIC)
    block: int | None = field(default=None, metadata=STATIC)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class CrystalSample:
    """What one orientation of the crystal scatters.

    Attributes:
        hkl: fractional Miller indices.
        index: nearest whole indices.
        axes: lattice factor of each axis, without its sign; None for shapes that are no product of axes.
        lattice: lattice factor, without its sign.
        structure: structure factor in electrons.
        amplitude: their product.
    """

    hkl: Components
    index: Components
    axes: Components | None
    lattice: Array
    structure: Array
    amplitude: Array

    @property
    def intensity(self) -> Array:
        """The amplitude squared."""
        return self.amplitude * self.amplitude


def sample_ray(
    experiment: Experiment, scene: Scene, pixels: Pixels, ray: RayTable, first_polarization: Array | None = None
) -> RaySample:
    """Scattering vector and geometry factors of one row of the ray table.

    Args:
        experiment, scene, pixels: the tile's context.
        ray: one row.
        first_polarization: replaces the ray's own polarization, for ``first_sample_factors``.
    """
    panel = experiment.panel
    view = look(experiment, scene, pixels, (ray.slow_offset, ray.fast_offset), ray.depth_m)
    at = factor_views(experiment, scene, pixels, ray, view)
    q, q_low = scattering_vector(view.diffracted, components(ray.incident), ray.wavelength_m), None
    if scene.low is not None:
        q, q_low = _scattering_in_pairs(experiment, scene, pixels, ray)
    polarization = first_polarization
    if polarization is None:
        polarization = _polarization(experiment, ray, at.polarization)
    capture = own_capture = jnp.ones_like(view.airpath_m)
    if panel.has_sensor:
        capture = _capture(experiment, scene, at.capture, at.layer)
        own_capture = _capture(experiment, scene, at.own_capture, ray.layer)
    elif experiment.grid.oversample_thickness and "oversample_thick_alone" in experiment.parity:
        capture = own_capture = jnp.zeros_like(capture)
    return RaySample(
        view=view,
        scattering_per_m=q,
        resolved=_resolved(experiment, q),
        polarization=polarization,
        solid_angle_sr=solid_angle_sr(
            at.solid_angle.airpath_m,
            panel.pixel_size_m,
            scene.panel.close_distance_m,
            panel.point_pixel,
            "two_sided_panel" in experiment.parity,
        ),
        capture=capture,
        own_capture=own_capture,
        scattering_low_per_m=q_low,
    )


def first_polarization(experiment: Experiment, scene: Scene, pixels: Pixels) -> Array | None:
    """Polarization of the first ray that is not cut, 0 if all are; None unless ``first_sample_factors`` asks for it."""
    grid = experiment.grid
    if "first_sample_factors" not in experiment.parity or grid.oversample_polarization:
        return None

    def step(found: Array, ray: RayTable) -> tuple[Array, None]:
        view = look(experiment, scene, pixels, (ray.slow_offset, ray.fast_offset), ray.depth_m)
        q = scattering_vector(view.diffracted, components(ray.incident), ray.wavelength_m)
        new = (found == 0) & _resolved(experiment, q)
        return jnp.where(new, _polarization(experiment, ray, view), found), None

    candidates = scene.rays if grid.resolution_cut else jax.tree.map(lambda rows: rows[:1], scene.rays)
    return jax.lax.scan(step, jnp.zeros_like(pixels.slow), candidates)[0]


def domain_of(experiment: Experiment, scene: Scene) -> Domain:
    """The domain of an experiment."""
    crystal = experiment.crystal
    return Domain(
        cells=components(crystal.cells),
        fudge=crystal.fudge,
        factors=scene.factors,
        reciprocal_per_A=scene.parity.reciprocal_per_A,
        shape=crystal.shape,
        interpolate=crystal.interpolate,
        block=experiment.grid.block,
    )


def sample_crystal(
    experiment: Experiment,
    scene: Scene,
    direct_m: Float[Array, "3 3"],
    q_per_m: Components,
    latched: Array | None = None,
    low: Low = None,
) -> CrystalSample:
    """Lattice and structure factor of one orientation.

    Args:
        experiment, scene: the context.
        direct_m: direct vectors a, b, c as rows.
        q_per_m: scattering vector.
        latched: where interpolation is off for good, for ``interpolation_latch``.
        low: what the vectors and q lack to 64 bits; only with precision ``single``.
    """
    return sample_domain(domain_of(experiment, scene), *sample_indices(direct_m, q_per_m, low), latched)


def sample_indices(
    direct_m: Float[Array, "3 3"], q_per_m: Components, low: Low
) -> tuple[Components, Components, Components]:
    """Fractional Miller indices, the nearest whole ones, and the distances between them.

    The exact difference, taken before any change of type, is what lets 32 bits carry the trigonometry.
    """
    if low is not None:
        (h0, k0, l0), delta = miller_indices_in_pairs((direct_m, low[0]), (q_per_m, low[1]))
        return (h0 + delta[0], k0 + delta[1], l0 + delta[2]), (h0, k0, l0), delta
    h, k, l = miller_indices(direct_m, q_per_m)  # noqa: E741
    h0, k0, l0 = nearest_index(h), nearest_index(k), nearest_index(l)
    return (h, k, l), (h0, k0, l0), (h - h0, k - k0, l - l0)


def sample_domain(
    domain: Domain, hkl: Components, index: Components, delta: Components, latched: Array | None = None
) -> CrystalSample:
    """Lattice and structure factor at Miller indices, see ``sample_indices`` and ``sample_crystal``."""
    lattice, axes = sample_lattice(domain, delta)
    structure = sample_structure(domain, hkl, index, latched)
    return CrystalSample(hkl, index, axes, lattice, jnp.broadcast_to(structure, lattice.shape), structure * lattice)


def _scattering_in_pairs(
    experiment: Experiment, scene: Scene, pixels: Pixels, ray: RayTable
) -> tuple[Components, Components]:
    """The ray's scattering vector as high and low parts."""

    def scattering(at: tuple[Experiment, Scene, Pixels, RayTable]) -> Components:
        experiment, scene, pixels, ray = at
        view = look(experiment, scene, pixels, (ray.slow_offset, ray.fast_offset), ray.depth_m)
        return scattering_vector(view.diffracted, components(ray.incident), ray.wavelength_m)

    assert scene.low is not None
    placed = replace(scene.low, panel=scene.panel, rays=scene.rays)
    high = (without_tables(experiment), placed, pixels, ray)
    ray_low = jax.tree.map(lambda rows: rows[ray.number], scene.low.rays)
    return in_pairs(scattering)(high, (experiment.low, scene.low, jax.tree.map(jnp.zeros_like, pixels), ray_low))


def sample_lattice(domain: Domain, delta: Components) -> tuple[Array, Components | None]:
    """Lattice factor, and that of each axis where the shape has such."""
    dtype = domain.factors.default.dtype
    if domain.shape == "square":
        return lattice_factor.square(delta, domain.cells, dtype)
    if domain.reciprocal_per_A is not None and domain.shape in ("gauss", "tophat"):
        radius_sq = star_shape.radius_squared(delta, domain.cells, domain.reciprocal_per_A)
    else:
        radius_sq = lattice_factor.radius_squared(delta, domain.cells)
    na, nb, nc = (n.astype(dtype) for n in domain.cells)
    return lattice_factor.RADIAL[domain.shape](radius_sq, na * nb * nc, domain.fudge), None


def sample_structure(domain: Domain, hkl: Components, index: Components, latched: Array | None = None) -> Array:
    """Structure factor at fractional and nearest whole Miller indices."""
    if not domain.interpolate:
        return structure_factor.nearest(domain.factors, index)
    between = structure_factor.tricubic(domain.factors, hkl)
    if latched is not None:
        return jnp.where(latched, structure_factor.nearest(domain.factors, index), between)
    return jnp.where(structure_factor.leaves_box(domain.factors, hkl), domain.factors.default, between)


def _capture(experiment: Experiment, scene: Scene, view: View, layer: Array) -> Array:
    normal, attenuation_per_m = components(scene.panel.normal), experiment.panel.attenuation_per_m
    two_sided = "two_sided_panel" in experiment.parity
    return capture_fraction(view.diffracted, normal, layer, scene.layer_thickness_m, attenuation_per_m, two_sided)


def _polarization(experiment: Experiment, ray: RayTable, view: View) -> Array:
    beam = experiment.beam
    if not beam.polarized:
        return jnp.ones_like(view.airpath_m)
    axis = components(beam.polarization_axis)
    return polarization_factor(beam.kahn_factor, components(ray.incident), view.diffracted, axis)


def _resolved(experiment: Experiment, q_per_m: Components) -> Array:
    if not experiment.grid.resolution_cut:
        return jnp.ones_like(q_per_m[0], bool)
    return is_resolved(q_per_m, experiment.resolution_limit_m)
