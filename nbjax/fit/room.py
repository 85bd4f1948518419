"""Room for the spots of closed crystals, which a fit moves and widens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import jax
import numpy as np
from jax import Array
from jaxtyping import Bool

from nbjax.experiment import Experiment
from nbjax.fit.equations import Focus, Shots, Theta, broadened
from nbjax.fit.parameter_set import Layout
from nbjax.pipeline.closed.image import is_closed
from nbjax.pipeline.closed.survey import with_kept_capacity, with_rooms, with_shared_capacity
from nbjax.pipeline.compilation import compiled

_SPARE, _REACH = 1.5, 1.1
"""Times as many spots as there are, and times as far into reciprocal space as the detector sees, that have room."""


def with_room(experiments: Sequence[Experiment]) -> list[Experiment]:
    """Experiments that share room for the spots of their closed crystals; as they are without such, or unlike."""
    models = {tuple(crystal.model for crystal in experiment.crystals) for experiment in experiments}
    if len(models) != 1 or "closed" not in next(iter(models)):
        return list(experiments)
    # of one configuration for many shots
    distinct = list({id(experiment): experiment for experiment in experiments}.values())
    rooms = [crystal.capacity for crystal in with_shared_capacity(distinct, _SPARE, _REACH)[0].crystals]
    return [with_rooms(experiment, rooms) for experiment in experiments]


def with_room_at(focus: Focus, shots: Shots, theta: Theta, alive: Bool[np.ndarray, " shots"]) -> Shots:
    """Shots with room for the spots at a point; the same ones where there is enough.

    Args:
        focus: of the stage that begins there, which may widen spots.
        shots, theta: the point.
        alive: shots that count.
    """
    counted = np.flatnonzero(alive)
    if not any(map(is_closed, shots.experiments.crystals)) or not len(counted):
        return shots
    values = shots.shared.values(theta.shared), shots.own.values(theta.own)
    moved = jax.tree.map(np.asarray, _at(focus, shots.layout, shots.experiments, *values))
    each = [jax.tree.map(lambda leaf, shot=shot: leaf[shot], moved) for shot in counted]
    rooms = [crystal.capacity for crystal in with_kept_capacity(each, _SPARE, _REACH)[0].crystals]
    return replace(shots, experiments=with_rooms(shots.experiments, rooms))


@partial(compiled, static_argnames=("layout",))
def _at(focus: Focus, layout: Layout, experiments: Experiment, shared: Array, own: Array) -> Experiment:
    """Experiments at values in the parameters' units, as a stage sees them."""

    def one(experiment: Experiment, own: Array) -> Experiment:
        moved = layout.moved(experiment, shared, own)
        return broadened(moved, focus.broaden) if focus.broadens else moved

    return jax.vmap(one)(experiments, own)
