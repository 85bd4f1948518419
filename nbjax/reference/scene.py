"""What all pixels share in the C program, and what its run has behind it at each of them."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field, replace

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from nbjax.errors import StructureError
from nbjax.experiment import Experiment
from nbjax.geometry.goniometer import phi_angles_rad, phi_rotations
from nbjax.geometry.unit_cell import direct_vectors_m, invert_basis
from nbjax.physics.backgrounds.water import Water
from nbjax.physics.shapes import SHAPES, Gauss, Tophat
from nbjax.pipeline.backgrounds import constant_at
from nbjax.pipeline.scene import RayTable, Scene, derive_scene, orientations, samples_per_layer
from nbjax.reference.curved_mapping import turned
from nbjax.reference.distance_before_swing import seen_before_swing


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class State:
    """What the entries of the ledger need; None where an entry is off.

    Attributes:
        water_electrons_squared: the background, with the C program's factor.
        first_orientations_m: direct vectors of the first evaluation of the run.
        first_pixel, first_ray: which evaluation that is (slow * width + fast; ray number).
        latch_pixel, latch_sample: the sample that ends interpolation (pixel; ray * orientations + orientation).
        reciprocal_per_A: rows a*, b*, c* before any rotation.
    """

    water_electrons_squared: Float[Array, ""] | None = None
    first_orientations_m: Float[Array, "orientations 3 3"] | None = None
    first_pixel: Int[Array, ""] | None = None
    first_ray: Int[Array, ""] | None = None
    latch_pixel: Int[Array, ""] | None = None
    latch_sample: Int[Array, ""] | None = None
    reciprocal_per_A: Float[Array, "3 3"] | None = None


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class ReferenceScene(Scene):
    """The scene of one crystal, on one panel, and the state of the run."""

    state: State = field(default_factory=State)


def derive_reference_scene(experiment: Experiment, entries: Container[str], layers_given: bool) -> ReferenceScene:
    """The scene with the entries of the ledger that no order matters to.

    Args:
        experiment: with one crystal, and no background but water.
        entries: names of the ledger.
        layers_given: whether the number of sensor layers was said by the user.

    Raises:
        StructureError: the C program knows no such experiment.
    """
    if len(experiment.crystals) != 1 or not all(isinstance(term, Water) for term in experiment.backgrounds):
        raise StructureError(
            f"the C program has one crystal and no background but water; with {len(experiment.crystals)} crystals and "
            f"{len(experiment.backgrounds)} backgrounds leave parity out"
        )
    if experiment.screens:
        raise StructureError("the C program has no shadows and no absorption; leave parity out")
    scene, (crystal,) = derive_scene(experiment), experiment.crystals
    (part,) = scene.crystals
    rays, thickness_m, state = scene.rays, scene.layer_thickness_m, State()
    if "source_weights" in entries:
        rays = _equal_weights(experiment, rays)
    if "layer_step" in entries:
        rays, thickness_m = _with_layer_step(experiment, rays, layers_given)
    if "phi_carryover" in entries:
        fresh, later = carried_rotations(phi_angles_rad(crystal.spindle), phi_rotations(crystal.spindle))
        state = replace(state, first_orientations_m=orientations(crystal, fresh))
        part = replace(part, orientations_m=orientations(crystal, later))
    if "star_shape" in entries and isinstance(SHAPES[crystal.shape], Gauss | Tophat):
        state = replace(state, reciprocal_per_A=invert_basis(direct_vectors_m(crystal.cell) * 1e10))
    if experiment.backgrounds:
        nowhere = (jnp.zeros_like(experiment.beam.wavelength_m),) * 3
        water = constant_at(experiment, nowhere)
        if "water_scale" in entries:
            # r_e^2 fluence a second time, over the number of steps
            water = water * (scene.photons_per_sr_per_electron / samples_per_layer(experiment, scene))
        state = replace(state, water_electrons_squared=water)
    panel = scene.panel
    if "distance_before_swing" in entries:
        panel = seen_before_swing(panel, experiment.panel, experiment.beam.direction)
    if "curved_mapping" in entries and experiment.panel.curved:
        panel = turned(panel, experiment.beam.direction)
    return ReferenceScene(
        panel=panel,
        rays=rays,
        layer_thickness_m=thickness_m,
        crystals=(part,),
        photons_per_sr_per_electron=scene.photons_per_sr_per_electron,
        state=state,
    )


def carried_rotations(
    angles_rad: Float[Array, " phi"], rotations: Float[Array, "phi 3 3"]
) -> tuple[Float[Array, "phi 3 3"], Float[Array, "phi 3 3"]]:
    """Rotations of the first sweep over phi in a run, and of every later sweep.

    A step at phi == 0 keeps whatever rotation the previous evaluation left behind.
    """

    def step(before: Array, now: tuple[Array, Array]) -> tuple[Array, Array]:
        angle, rotation = now
        used = jnp.where(angle == 0, before, rotation)
        return used, used

    start = jnp.eye(3, dtype=rotations.dtype)
    last, first_sweep = jax.lax.scan(step, start, (angles_rad, rotations))
    _, later_sweeps = jax.lax.scan(step, last, (angles_rad, rotations))
    return first_sweep, later_sweeps


def _equal_weights(experiment: Experiment, rays: RayTable) -> RayTable:
    sources = len(rays.weight) // (experiment.panel.layers * experiment.grid.oversample**2)
    return replace(rays, weight=jnp.full_like(rays.weight, 1 / sources) / experiment.grid.oversample**2)


def _with_layer_step(experiment: Experiment, rays: RayTable, layers_given: bool) -> tuple[RayTable, Array]:
    """Layers at their front faces, and further apart where their number was given."""
    panel, layers = experiment.panel, experiment.panel.layers
    spacing = 1.0 / (layers - 1) if layers_given and layers > 1 else 1.0 / layers
    fractions = np.repeat(np.arange(layers) * spacing, len(rays.number) // layers)
    return replace(rays, depth=jnp.asarray(fractions, rays.weight.dtype)), panel.thickness_m * spacing
