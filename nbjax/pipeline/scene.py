"""What all pixels of an image share, derived once from the experiment's parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from nbjax import precision
from nbjax.constants import THOMSON_CROSS_SECTION_M2
from nbjax.experiment import BeamParameters, CrystalParameters, Experiment, without_tables
from nbjax.geometry.detector import place_detector
from nbjax.geometry.goniometer import phi_rotations
from nbjax.geometry.panel import Panel
from nbjax.geometry.unit_cell import direct_vectors_m, standard_direct
from nbjax.linear import determinant
from nbjax.numerics import Components, components, cross, unit
from nbjax.pairs.transform import in_pairs
from nbjax.physics.beam_profiles import BEAM_PROFILES
from nbjax.physics.block import cell_count
from nbjax.physics.screens.screen import Charted, Screen
from nbjax.physics.structure_factor import StructureFactors
from nbjax.pipeline.fall_off import fall_off_m2
from nbjax.sampling.disorder import disordered
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
        depth: of the point in the sensor, as a fraction of its thickness.
        slow_offset, fast_offset: position in the pixel, in pixels.
        incident: unit direction of the source, shape (rays, 3).
        wavelength_m: wavelength.
        weight: source weight over the number of subpixels; sums to one for each layer.
    """

    number: Int[Array, " rays"]
    layer: Float[Array, " rays"]
    depth: Float[Array, " rays"]
    slow_offset: Float[Array, " rays"]
    fast_offset: Float[Array, " rays"]
    incident: Float[Array, "rays 3"]
    wavelength_m: Float[Array, " rays"]
    weight: Float[Array, " rays"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class CrystalScene:
    """What all pixels share of one crystal.

    Attributes:
        orientations_m: direct cell vectors (rows) of every phi step and mosaic domain, phi outermost.
        factors: structure factors in the type of the intensity.
        mosaic_blocks: how many times the image of one block the crystal gives; None: once.
        beam_share: fluence that it sees over that of the beam's centre; None: all of it.
        fall_off_m2: of ``nbjax.physics.debye_waller``, in the middle of the exposure; None: nothing falls off.
    """

    orientations_m: Float[Array, "orientations 3 3"]
    factors: StructureFactors
    mosaic_blocks: Float[Array, ""] | None = None
    beam_share: Float[Array, ""] | None = None
    fall_off_m2: Float[Array, "3 3"] | None = None


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Scene:
    """Everything that does not depend on the pixel.

    Attributes:
        panel: the placed panel; of several, all of them, with a leading axis.
        rays: layers, subpixels and sources.
        layer_thickness_m: spacing of the layers, over which each captures.
        crystals: what each is made of.
        photons_per_sr_per_electron: r_e^2 times fluence: photons per steradian and squared electron.
        low: what these 32-bit numbers lack to 64-bit ones, in the same places; only with precision ``single``.
        screens: what lets a part of all photons pass, with what all pixels share worked out.
    """

    panel: Panel
    rays: RayTable
    layer_thickness_m: Float[Array, "*panels"]
    crystals: tuple[CrystalScene, ...]
    photons_per_sr_per_electron: Float[Array, ""]
    low: Scene | None = None
    screens: tuple[Screen, ...] = ()


S = TypeVar("S", bound=Scene)


def build_scene(experiment: Experiment) -> Scene:
    """Place the panel, list rays and orientations, and work out the scale."""
    return complete(experiment, derive_scene)


def complete(experiment: Experiment, derive: Callable[[Experiment], S]) -> S:
    """A scene with its low parts, if the precision asks for them, and with tables in the type of the intensity.

    Args:
        experiment: any.
        derive: of the experiment, such as ``derive_scene``; of arithmetic that ``in_pairs`` knows.
    """
    if experiment.low is None:
        scene = derive(experiment)
    else:
        scene, low = in_pairs(derive)(without_tables(experiment), experiment.low)
        scene = replace(scene, low=low)
    intensity = precision.policy(experiment.precision).intensity

    def whole(part: CrystalScene, crystal: CrystalParameters) -> CrystalScene:
        factors = crystal.factors
        values = None if factors.values is None else factors.values.astype(intensity)
        factors = replace(factors, values=values, default=factors.default.astype(intensity))
        return replace(
            part,
            factors=factors,
            mosaic_blocks=mosaic_blocks(crystal),
            beam_share=beam_share(experiment.beam, crystal),
            fall_off_m2=fall_off_m2(crystal, crystal.middle_rad),
        )

    pairs = zip(scene.crystals, experiment.crystals, strict=True)
    axes = beam_axes(experiment.beam)
    screens = tuple(screen.chart(*axes) if isinstance(screen, Charted) else screen for screen in experiment.screens)
    return replace(scene, crystals=tuple(whole(part, crystal) for part, crystal in pairs), screens=screens)


def beam_axes(beam: BeamParameters) -> tuple[Components, Components, Components]:
    """Unit directions of the beam, of its electric vector, and across both."""
    forward, along = components(beam.direction), components(beam.polarization_axis)
    return forward, along, unit(cross(forward, along))


def mosaic_blocks(crystal: CrystalParameters) -> Float[Array, ""] | None:
    """Volume of the crystal over that of a block, times its weight.

    Blocks scatter without regard to each other's phases.
    """
    if crystal.volume_m3 is None:
        return crystal.weight
    direct = direct_vectors_m(crystal.cell)
    blocks = crystal.volume_m3 / (cell_count(crystal.cells, crystal.cells_off_diagonal) * determinant(direct))
    return blocks if crystal.weight is None else blocks * crystal.weight


def beam_share(beam: BeamParameters, crystal: CrystalParameters) -> Float[Array, ""] | None:
    """Fluence at a crystal, which is small beside the beam, over that of the beam's centre."""
    if beam.profile is None or beam.size_m is None:
        return None
    offset_m = jnp.zeros(2, beam.size_m.dtype) if crystal.offset_m is None else crystal.offset_m
    return BEAM_PROFILES[beam.profile].at(offset_m, beam.size_m)


def derive_scene(experiment: Experiment) -> Scene:
    """The scene in the types of the experiment."""
    beam = experiment.beam
    rays, layer_thickness_m = _rays(experiment)
    return Scene(
        panel=place_detector(experiment.detector, beam.direction),
        rays=rays,
        layer_thickness_m=layer_thickness_m,
        crystals=tuple(
            CrystalScene(orientations(crystal, phi_rotations(crystal.spindle)), crystal.factors)
            for crystal in experiment.crystals
        ),
        photons_per_sr_per_electron=THOMSON_CROSS_SECTION_M2 * beam.fluence_photons_per_m2,
    )


def samples_per_layer(experiment: Experiment, scene: Scene) -> int:
    """Subpixels times sources times orientations of the last crystal."""
    count = len(scene.crystals[-1].orientations_m) if scene.crystals else 1
    return len(scene.rays.number) // experiment.detector.panels.layers * count


def orientations(crystal: CrystalParameters, rotations: Float[Array, "phi 3 3"]) -> Float[Array, "orientations 3 3"]:
    """Direct vectors a, b, c as rows for every rotation of the spindle and mosaic domain, the rotations outermost."""
    turns = jnp.einsum("mij,pjk->pmik", domain_rotations(crystal.mosaic), rotations)
    return jnp.einsum("pmik,dvk->pmdvi", turns, _domain_vectors_m(crystal)).reshape(-1, 3, 3)


def _domain_vectors_m(crystal: CrystalParameters) -> Float[Array, "domains 3 3"]:
    """Direct vectors a, b, c as rows of every domain of the disorder, before spindle and mosaic rotations."""
    cell = crystal.cell
    if crystal.disorder is None:
        return direct_vectors_m(cell)[None]
    direct = jnp.asarray(standard_direct(cell.lengths_m, cell.angles_rad))
    return disordered(crystal.disorder, direct) @ (cell.misset @ cell.orientation).T


def _rays(experiment: Experiment) -> tuple[RayTable, Array]:
    """Rays of all layers, subpixels and sources; and the thickness of a layer in m."""
    grid, panel, beam = experiment.grid, experiment.detector.panels, experiment.beam
    sources = incident_rays(beam.sources, beam.direction, beam.polarization_axis, beam.wavelength_m)
    depths, spacing = layer_fractions(panel.layers), 1 / panel.layers
    offsets = subpixel_offsets(grid.oversample)
    counts = (panel.layers, grid.oversample, grid.oversample, len(sources.weight))
    layer, slow, fast, source = (i.reshape(-1) for i in np.indices(counts))
    dtype = sources.weight.dtype
    table = RayTable(
        number=jnp.arange(len(layer), dtype=jnp.int32),
        layer=jnp.asarray(layer, dtype),
        depth=jnp.asarray(depths[layer], dtype),
        slow_offset=jnp.asarray(offsets[slow], dtype),
        fast_offset=jnp.asarray(offsets[fast], dtype),
        incident=sources.incident[source],
        wavelength_m=sources.wavelength_m[source],
        weight=sources.weight[source] / grid.oversample**2,
    )
    return table, panel.thickness_m * spacing
