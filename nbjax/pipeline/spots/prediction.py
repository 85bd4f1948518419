"""Where the spots of a crystal lie, how large and how bright they are, without an image.

Each is a Gaussian of reciprocal space (``nbjax.pipeline.closed.spread``) that the Ewald sphere cuts: what of it lies on
the sphere is the spot, and how far the sphere is from its middle, the excitation error, its brightness. A rotation
moves it through the sphere, at a rate that is constant while it passes.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nbjax.errors import ArgumentError
from nbjax.experiment import Experiment, chosen
from nbjax.pipeline.arguments import one_experiment
from nbjax.pipeline.closed.parts import padded
from nbjax.pipeline.closed.search import all_near
from nbjax.pipeline.closed.survey import bucket, index_box, longest_per_m
from nbjax.pipeline.compilation import compiled
from nbjax.pipeline.spots.equivalent import equivalent
from nbjax.pipeline.spots.listing import Rows, half_turns, listed_rows, rows_of_near
from nbjax.pipeline.spots.table import Spots, spots_at
from nbjax.sampling.capacity import Capacity


def predict(
    experiment: Experiment, crystal: int = 0, capacity: Capacity | None = None, margin_px: float = 0.0
) -> Spots:
    """The spots of a crystal: each reflection that lights up a panel, with its place, size and photons.

    Sources are taken by their mean and variance, and so are the domains of a sampled crystal, of which a spot's photons
    are added up one by one where they are few. Every panel is seen whole, without mask and region of interest.

    With a capacity it is pure: it can be jitted, differentiated and mapped over a batch. The list of the spots is a
    choice, and what is said of each is smooth.

    Args:
        experiment: from ``nbjax.prepare``.
        crystal: its number, from 0.
        capacity: from ``nbjax.spot_capacity``. With more spots than it has room for, ``count`` exceeds the rows.
            None: as many rows as there are spots, of an experiment of numbers.
        margin_px: how far off a panel the middle of a spot may lie.

    Returns:
        The spots, in the order of their indices.

    Raises:
        ArgumentError: there is no such crystal, or the experiment is traced and has no capacity.
    """
    alone = _of_one(experiment, crystal)
    if capacity is not None:
        return _predicted(alone, margin_px, capacity)
    if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(alone)):
        raise ArgumentError(
            "predict needs a capacity where its experiment is traced; nbjax.spot_capacity(experiment) finds one outside"
        )
    with jax.enable_x64(True):
        held = jax.tree.map(jnp.asarray, alone)
        _, _, count, rows = _found(held, margin_px)
        # of few sizes, so that series of images compile once
        shown: Rows = jax.tree.map(lambda leaf: np.asarray(leaf)[: bucket(count)], rows)
        spots = replace(_spots_at(held, shown), count=jnp.asarray(count, jnp.int32))
    return spots.first(count)


def spot_capacity(experiment: Experiment, crystal: int = 0, margin_px: float = 0.0) -> Capacity:
    """Room for the spots that ``predict`` finds, with a little to spare.

    Args:
        experiment: of numbers, not traced ones.
        crystal: its number, from 0.
        margin_px: as for ``predict``.

    Raises:
        ArgumentError: there is no such crystal.
    """
    with jax.enable_x64(True):
        alone = jax.tree.map(jnp.asarray, _of_one(experiment, crystal))
        room, excited, count, _ = _found(alone, margin_px)
    return replace(room, excited=bucket(excited), seen=bucket(count))


def _found(experiment: Experiment, margin_px: float) -> tuple[Capacity, int, int, Rows]:
    """Room for all that is searched, how many reflections are excited, how many spots there are, and these."""
    crystal, longest = experiment.crystal, longest_per_m(experiment)
    box, turns, seen = index_box(longest, crystal), half_turns(crystal.spindle), _equivalent(experiment)
    near, blocks = all_near(seen.crystal, seen.scene.rays, seen.spread, box, longest)
    room = bucket(len(near))
    most = room * (1 if seen.is_still else turns + 1)
    excited, count, rows = _listed(seen, (jnp.asarray(padded(near, room)), len(near)), margin_px, turns, (most, most))
    return Capacity(*box, longest, bucket(blocks), room, most, most, turns, ()), int(excited), int(count), rows


def _of_one(experiment: Experiment, crystal: int) -> Experiment:
    """The experiment with one of its crystals alone, and without the room for its image, which no spot depends on.

    Raises:
        ArgumentError: there is none of this number.
    """
    crystals = one_experiment(experiment).crystals
    if not isinstance(crystal, int) or not 0 <= crystal < len(crystals):
        has = f"give 0 to {len(crystals) - 1}" if crystals else "the experiment has none"
        raise ArgumentError(f"crystal = {crystal!r}: there is no such crystal; {has}")
    alone = chosen(experiment, [crystal], backgrounds=())
    return alone.with_crystal(replace(alone.crystal, capacity=None))


@partial(compiled, static_argnames=("capacity",))
def _predicted(experiment: Experiment, margin_px: Any, capacity: Capacity) -> Spots:
    number, rows = listed_rows(jax.lax.stop_gradient(equivalent(experiment)), capacity, margin_px)
    return replace(spots_at(experiment, rows), count=number.spots)


_listed = compiled(rows_of_near, static_argnames=("turns", "room"))
_equivalent = compiled(equivalent)
_spots_at = compiled(spots_at)
