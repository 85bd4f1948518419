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
from nbjax.numerics import Components, components, dot
from nbjax.pairs.transform import in_pairs
from nbjax.physics.absorption import capture_fraction
from nbjax.physics.block import sheared
from nbjax.physics.polarization import polarization_factor
from nbjax.physics.shapes import SHAPES
from nbjax.physics.solid_angle import solid_angle_sr
from nbjax.physics.structure_factor import StructureFactors
from nbjax.pipeline.scene import RayTable, Scene
from nbjax.pipeline.view import FactorViews, Pixels, View, factor_views, look

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
    """

    view: View
    scattering_per_m: Components
    resolved: Array
    polarization: Array
    solid_angle_sr: Array
    capture: Array
    scattering_low_per_m: Components | None = None


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Scatterer:
    """What the scattering of every orientation of the crystal depends on, besides its Miller indices.

    Attributes:
        cells, fudge, shape: as of ``CrystalParameters``; the cells of each axis by themselves.
        factors: structure factors in the type of the intensity.
        block: as of ``Grid``.
        off_diagonal: as of ``CrystalParameters``.
    """

    cells: Components
    fudge: Array
    factors: StructureFactors
    shape: str = field(metadata=STATIC)
    block: int | None = field(default=None, metadata=STATIC)
    off_diagonal: Float[Array, "3"] | None = None

    def lit_by(self, ray: RayTable) -> Scatterer:
        """The same with the structure factors of a ray's wavelength."""
        factors = self.factors.seen_at(ray.wavelength_m)
        return self if factors is self.factors else replace(self, factors=factors)


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


def sample_ray(experiment: Experiment, scene: Scene, pixels: Pixels, ray: RayTable) -> RaySample:
    """Scattering vector and geometry factors of one row of the ray table."""
    view = ray_view(experiment, scene, pixels, ray)
    return sample_seen(experiment, scene, pixels, ray, view, factor_views(experiment, scene, pixels, ray, view))


def ray_view(experiment: Experiment, scene: Scene, pixels: Pixels, ray: RayTable) -> View:
    """The ray's own point."""
    return look(experiment, scene, pixels, (ray.slow_offset, ray.fast_offset), ray.depth)


def sample_seen(
    experiment: Experiment, scene: Scene, pixels: Pixels, ray: RayTable, view: View, at: FactorViews
) -> RaySample:
    """The sample of a ray whose geometry factors are taken where ``at`` says."""
    panel = experiment.detector.panels
    fast_m, slow_m = panel.pixel_sizes_m
    q, q_low = scattering_vector(view.diffracted, components(ray.incident), ray.wavelength_m), None
    if scene.low is not None:
        q, q_low = _scattering_in_pairs(experiment, scene, pixels, ray)
    capture = jnp.ones_like(view.airpath_m)
    if panel.has_sensor:
        capture = capture_at(experiment, scene, at.capture, ray.layer, ray.wavelength_m)
    capture = capture * passed_at(experiment, scene, at.capture, ray.wavelength_m)
    return RaySample(
        view=view,
        scattering_per_m=q,
        resolved=is_kept(experiment, q),
        polarization=polarization_at(experiment, ray, at.polarization),
        solid_angle_sr=solid_angle_sr(
            at.solid_angle.airpath_m,
            fast_m * slow_m,
            scene.panel.obliquity(at.solid_angle.diffracted, at.solid_angle.airpath_m),
            panel.point_pixel,
            panel.two_sided,
        ),
        capture=capture,
        scattering_low_per_m=q_low,
    )


def scatterer_of(experiment: Experiment, scene: Scene, number: int) -> Scatterer:
    """The scatterer of a crystal of the experiment."""
    crystal = experiment.crystals[number]
    return Scatterer(
        cells=components(crystal.cells),
        fudge=crystal.fudge,
        factors=scene.crystals[number].factors,
        shape=crystal.shape,
        block=experiment.grid.block,
        off_diagonal=crystal.cells_off_diagonal,
    )


def sample_crystal(
    scatterer: Scatterer, direct_m: Float[Array, "3 3"], q_per_m: Components, low: Low = None
) -> CrystalSample:
    """Lattice and structure factor of one orientation.

    Args:
        scatterer: what the orientations of the crystal share.
        direct_m: direct vectors a, b, c as rows.
        q_per_m: scattering vector.
        low: what the vectors and q lack to 64 bits; only with precision ``single``.
    """
    return sample_scatterer(scatterer, *sample_indices(direct_m, q_per_m, low))


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


def sample_scatterer(scatterer: Scatterer, hkl: Components, index: Components, delta: Components) -> CrystalSample:
    """Lattice and structure factor at Miller indices, see ``sample_indices``."""
    lattice, axes = sample_lattice(scatterer, delta)
    return crystal_sample(hkl, index, axes, lattice, scatterer.factors.at(hkl, index))


def crystal_sample(
    hkl: Components, index: Components, axes: Components | None, lattice: Array, structure: Array
) -> CrystalSample:
    """What an orientation scatters whose lattice and structure factor are known."""
    return CrystalSample(hkl, index, axes, lattice, jnp.broadcast_to(structure, lattice.shape), structure * lattice)


def _scattering_in_pairs(
    experiment: Experiment, scene: Scene, pixels: Pixels, ray: RayTable
) -> tuple[Components, Components]:
    """The ray's scattering vector as high and low parts."""

    def scattering(at: tuple[Experiment, Scene, Pixels, RayTable]) -> Components:
        experiment, scene, pixels, ray = at
        view = ray_view(experiment, scene, pixels, ray)
        return scattering_vector(view.diffracted, components(ray.incident), ray.wavelength_m)

    assert scene.low is not None
    placed = replace(scene.low, panel=scene.panel, rays=scene.rays)
    high = (without_tables(experiment), placed, pixels, ray)
    ray_low = jax.tree.map(lambda rows: rows[ray.number], scene.low.rays)
    return in_pairs(scattering)(high, (experiment.low, scene.low, jax.tree.map(jnp.zeros_like, pixels), ray_low))


def sample_lattice(scatterer: Scatterer, delta: Components) -> tuple[Array, Components | None]:
    """Lattice factor, and that of each axis where the shape has such."""
    shape, dtype = SHAPES[scatterer.shape], scatterer.factors.default.dtype
    if scatterer.off_diagonal is None:
        return shape.with_axes(delta, scatterer.cells, scatterer.fudge, dtype)
    delta, more = sheared(delta, jnp.stack(scatterer.cells), scatterer.off_diagonal)
    return shape.lattice(delta, scatterer.cells, scatterer.fudge, dtype) * more.astype(dtype), None


def capture_at(experiment: Experiment, scene: Scene, view: View, layer: Array, wavelength_m: Array) -> Array:
    """Fraction of the photons that reach a point that a layer of the sensor captures."""
    panel, normal = experiment.detector.panels, scene.panel.normal_at(view.diffracted)
    per_m = panel.attenuation_per_m
    if panel.attenuation is not None:
        per_m = per_m * panel.attenuation.ratio(wavelength_m)
    return capture_fraction(view.diffracted, normal, layer, scene.layer_thickness_m, per_m, panel.two_sided)


def passed_at(experiment: Experiment, scene: Scene, view: View, wavelength_m: Array) -> Array | float:
    """Fraction of the photons towards a point that all filters let pass."""
    passed: Array | float = 1.0
    for term in experiment.detector.filters:
        cosine = dot(view.diffracted, scene.panel.normal_at(view.diffracted))
        passed = passed * term.transmission(view.airpath_m, cosine, wavelength_m)
    return passed


def polarization_at(experiment: Experiment, ray: RayTable, view: View) -> Array:
    """Polarization factor of a ray towards a point; one if the beam has none."""
    beam = experiment.beam
    if not beam.polarized:
        return jnp.ones_like(view.airpath_m)
    axis = components(beam.polarization_axis)
    return polarization_factor(beam.kahn_factor, components(ray.incident), view.diffracted, axis)


def is_kept(experiment: Experiment, q_per_m: Components) -> Array:
    """Whether a sample is above the resolution limit."""
    if not experiment.grid.resolution_cut:
        return jnp.ones_like(q_per_m[0], bool)
    return is_resolved(q_per_m, experiment.resolution_limit_m)
