"""The diffuse halos of an experiment's crystals, as backgrounds of it."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from nbjax.experiment import BeamParameters, CrystalParameters, Experiment, without_tables
from nbjax.geometry.unit_cell import direct_vectors_m, invert_basis, standard_direct
from nbjax.physics.backgrounds.halo import Halo
from nbjax.physics.block import cell_count
from nbjax.pipeline.scene import beam_share, mosaic_blocks
from nbjax.rotations import about_axis


def has_halos(experiment: Experiment) -> bool:
    """Whether crystals scatter diffusely, and their halos are not among the backgrounds yet."""
    return any(map(_moves, experiment.crystals)) and not any(isinstance(term, Halo) for term in experiment.backgrounds)


def with_halos(experiment: Experiment) -> Experiment:
    """The experiment with a background for each crystal that scatters diffusely, after its own; as it is without."""
    if not has_halos(experiment):
        return experiment
    halos = tuple(_halo(experiment.beam, crystal) for crystal in experiment.crystals if _moves(crystal))
    both = replace(experiment, backgrounds=(*experiment.backgrounds, *halos))
    if experiment.low is None:
        return both
    # smooth over a pixel, they are right in 32 bits
    nothing = jax.tree.map(jnp.zeros_like, without_tables(both).backgrounds[len(experiment.backgrounds) :])
    low = replace(experiment.low, backgrounds=(*experiment.low.backgrounds, *nothing))
    return replace(both, low=low)


def _moves(crystal: CrystalParameters) -> bool:
    return crystal.motion is not None


def _halo(beam: BeamParameters, crystal: CrystalParameters) -> Halo:
    motion, cell = crystal.motion, crystal.cell
    assert motion is not None
    stars = invert_basis(jnp.asarray(standard_direct(cell.lengths_m, cell.angles_rad)))
    displaced, correlated = stars * motion.sigma_m, stars * motion.gamma_m
    cells = cell_count(crystal.cells, crystal.cells_off_diagonal)
    for factor in (mosaic_blocks(crystal), beam_share(beam, crystal)):
        cells = cells if factor is None else cells * factor
    return Halo(
        direct_m=_directions_m(crystal, motion.angles),
        displaced=displaced @ displaced.T,
        correlated=correlated @ correlated.T,
        b_factor_m2=jnp.zeros_like(cells) if crystal.b_factor_m2 is None else crystal.b_factor_m2,
        cells=cells,
        factors=crystal.factors,
    )


def _directions_m(crystal: CrystalParameters, angles: int) -> Float[Array, "angles 3 3"]:
    """Direct vectors as rows of the mean domain, with the spindle in the middles of equal parts of the exposure."""
    spindle, direct = crystal.spindle, direct_vectors_m(crystal.cell)
    parts = (jnp.arange(angles, dtype=direct.dtype) + 0.5) / angles - 0.5
    whole = spindle.step_rad * (spindle.steps if spindle.steps > 1 else 0)
    turns = jax.vmap(lambda part: about_axis(spindle.axis, crystal.middle_rad + whole * part))(parts)
    return jnp.einsum("pij,vj->pvi", turns, direct)
