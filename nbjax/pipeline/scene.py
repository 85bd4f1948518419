"""What all pixels of an image share, derived once from the experiment's parameters."""

from __future__ import annotations

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from nbjax import precision
from nbjax.constants import THOMSON_CROSS_SECTION_M2
from nbjax.experiment import CrystalParameters, Experiment, without_tables
from nbjax.geometry.goniometer import phi_angles_rad, phi_rotations
from nbjax.geometry.panel import Panel, place_panel
from nbjax.geometry.unit_cell import direct_vectors_m, invert_basis
from nbjax.pairs.transform import in_pairs
from nbjax.parity import layer_step
from nbjax.parity.distance_before_swing import seen_before_swing
from nbjax.parity.phi_carryover import carried_rotations
from nbjax.parity.water_scale import excess
from nbjax.physics.structure_factor import StructureFactors
from nbjax.sampling.mosaic import domain_rotations
from nbjax.sampling.sources import incident_rays
from nbjax.sampling.subpixels import layer_fractions, subpixel_offsets


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class RayTable:
    """One row for each (layer, slow subpixel, fast subpixel, source), in that order of nesting.

    Attributes:
        number: 0, 1, 2 ...
        layer: number of the sensor layer.
        depth_m: depth of the point in the sensor.
        slow_offset, fast_offset: position in the pixel, in pixels.
        incident: unit direction of the source, shape (rays, 3).
        wavelength_m: wavelength.
        weight: source weight over the number of subpixels; sums to one for each layer.
        background_weight: weight of the water background, equal to ``weight`` unless parity says otherwise.
    """

    number: Int[Array, " rays"]
    layer: Float[Array, " rays"]
    depth_m: Float[Array, " rays"]
    slow_offset: Float[Array, " rays"]
    fast_offset: Float[Array, " rays"]
    incident: Float[Array, "rays 3"]
    wavelength_m: Float[Array, " rays"]
    weight: Float[Array, " rays"]
    background_weight: Float[Array, " rays"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class ParityState:
    """What the order-dependent ledger entries need; None where an entry is off.

    Attributes:
        first_orientations_m: direct vectors of the first evaluation of the run.
        first_pixel, first_ray: which evaluation that is (slow * width + fast; ray number).
        latch_pixel, latch_sample: the sample that ends interpolation (pixel; ray * orientations + orientation).
        reciprocal_per_A: rows a*, b*, c* before any rotation.
    """

    first_orientations_m: Float[Array, "orientations 3 3"] | None = None
    first_pixel: Int[Array, ""] | None = None
    first_ray: Int[Array, ""] | None = None
    latch_pixel: Int[Array, ""] | None = None
    latch_sample: Int[Array, ""] | None = None
    reciprocal_per_A: Float[Array, "3 3"] | None = None


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Scene:
    """Everything that does not depend on the pixel.

    Attributes:
        panel: the placed panel.
        rays: layers, subpixels and sources.
        layer_thickness_m: spacing of the layers, over which each captures.
        orientations_m: direct cell vectors (rows) of every phi step and mosaic domain, phi outermost.
        factors: structure factors in the type of the intensity.
        photons_per_sr_per_electron: r_e^2 times fluence: photons per steradian and squared electron.
        background_electrons_squared: water background in the unit of the mean Bragg intensity of a sample.
        mosaic_blocks: how many times the image of one block the crystal gives; None: once.
        parity: state of order-dependent ledger entries.
        low: what these 32-bit numbers lack to 64-bit ones, in the same places; only with precision ``single``.
    """

    panel: Panel
    rays: RayTable
    layer_thickness_m: Float[Array, ""]
    orientations_m: Float[Array, "orientations 3 3"]
    factors: StructureFactors
    photons_per_sr_per_electron: Float[Array, ""]
    background_electrons_squared: Float[Array, ""]
    parity: ParityState
    mosaic_blocks: Float[Array, ""] | None = None
    low: Scene | None = None


def build_scene(experiment: Experiment) -> Scene:
    """Place the panel, list rays and orientations, and work out the scale."""
    if experiment.low is None:
        scene = _scene(experiment)
    else:
        bare = without_tables(experiment)
        scene, low = in_pairs(_scene)(bare, experiment.low)
        scene = replace(scene, low=low)
    intensity = precision.policy(experiment.precision).intensity
    factors = experiment.crystal.factors
    values = None if factors.values is None else factors.values.astype(intensity)
    factors = replace(factors, values=values, default=factors.default.astype(intensity))
    return replace(scene, factors=factors, mosaic_blocks=mosaic_blocks(experiment.crystal))


def mosaic_blocks(crystal: CrystalParameters) -> Float[Array, ""] | None:
    """Volume of the crystal over that of a block: blocks scatter without regard to each other's phases."""
    if crystal.volume_m3 is None:
        return None
    a, b, c = direct_vectors_m(crystal.cell)
    return crystal.volume_m3 / (jnp.prod(crystal.cells) * jnp.dot(a, jnp.cross(b, c)))


def _scene(experiment: Experiment) -> Scene:
    beam, crystal = experiment.beam, experiment.crystal
    rays, layer_thickness_m = _rays(experiment)
    direct = direct_vectors_m(crystal.cell)
    rotations = phi_rotations(crystal.spindle)
    state = ParityState()
    if "phi_carryover" in experiment.parity:
        fresh, rotations = carried_rotations(phi_angles_rad(crystal.spindle), rotations)
        state = replace(state, first_orientations_m=_orientations(experiment, direct, fresh))
    if "star_shape" in experiment.parity:
        state = replace(state, reciprocal_per_A=invert_basis(direct * 1e10))
    orientations = _orientations(experiment, direct, rotations)
    scale = THOMSON_CROSS_SECTION_M2 * beam.fluence_photons_per_m2
    nowhere = (jnp.zeros_like(scale),) * 3
    background = sum((b.electrons_squared(nowhere) for b in experiment.backgrounds), jnp.zeros_like(scale))
    if "water_scale" in experiment.parity:
        background = background * excess(scale, samples_per_layer(experiment, rays, orientations))
    return Scene(
        panel=_panel(experiment),
        rays=rays,
        layer_thickness_m=layer_thickness_m,
        orientations_m=orientations,
        factors=crystal.factors,
        photons_per_sr_per_electron=scale,
        background_electrons_squared=background,
        parity=state,
    )


def _panel(experiment: Experiment) -> Panel:
    parameters, beam = experiment.panel, experiment.beam.direction
    panel = place_panel(parameters, beam)
    if "distance_before_swing" in experiment.parity:
        return seen_before_swing(panel, parameters, beam)
    return panel


def samples_per_layer(experiment: Experiment, rays: RayTable, orientations_m: Array) -> int:
    """Subpixels times sources times orientations: the divisor of the C program's sum over samples."""
    return len(rays.number) // experiment.panel.layers * len(orientations_m)


def _orientations(experiment: Experiment, direct: Array, rotations: Array) -> Array:
    domains = domain_rotations(experiment.crystal.mosaic)
    turns = jnp.einsum("mij,pjk->pmik", domains, rotations)
    return jnp.einsum("pmik,vk->pmvi", turns, direct).reshape(-1, 3, 3)


def _rays(experiment: Experiment) -> tuple[RayTable, Array]:
    """Rays of all layers, subpixels and sources; and the thickness of a layer in m."""
    grid, panel, beam = experiment.grid, experiment.panel, experiment.beam
    sources = incident_rays(beam.sources, beam.direction, beam.polarization_axis, beam.wavelength_m)
    weight = sources.weight
    if "source_weights" in experiment.parity:
        weight = jnp.full_like(weight, 1 / len(weight))
    depths, spacing = layer_fractions(panel.layers), 1 / panel.layers
    if "layer_step" in experiment.parity:
        depths, spacing = layer_step.layer_fractions(panel.layers, grid.layers_given)
    offsets = subpixel_offsets(grid.oversample)
    counts = (panel.layers, grid.oversample, grid.oversample, len(weight))
    layer, slow, fast, source = (i.reshape(-1) for i in np.indices(counts))
    dtype = weight.dtype
    ray_weight = weight[source] / grid.oversample**2
    background_weight = ray_weight
    if "last_layer_capture" in experiment.parity and not grid.oversample_thickness:
        background_weight = ray_weight / panel.layers
    table = RayTable(
        number=jnp.arange(len(layer), dtype=jnp.int32),
        layer=jnp.asarray(layer, dtype),
        depth_m=jnp.asarray(depths[layer], dtype) * panel.thickness_m,
        slow_offset=jnp.asarray(offsets[slow], dtype),
        fast_offset=jnp.asarray(offsets[fast], dtype),
        incident=sources.incident[source],
        wavelength_m=sources.wavelength_m[source],
        weight=ray_weight,
        background_weight=background_weight,
    )
    return table, panel.thickness_m * spacing
