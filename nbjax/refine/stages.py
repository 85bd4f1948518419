"""Coarse to fine: what each stage frees, how wide its spots are, and how far it trusts the model's heights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from nbjax.refine.parameters import freed

ROUNDS, _STEPS = 2, 8
"""Of each stage; weights are those of the model at the start of a round."""


@dataclass(frozen=True)
class Stage:
    """One stage.

    Attributes:
        free: groups of parameters.
        broaden: factor of the mosaicity.
        height_sigma: standard deviation of heights over the model's; None: that of the structure factors.
    """

    free: tuple[str, ...]
    broaden: float = 1.0
    height_sigma: float | None = None


STAGES = (
    Stage(("scale", "orientation"), 8.0, 0.5),
    Stage(("scale", "orientation"), 4.0, 0.5),
    Stage(("scale", "orientation", "cell"), 2.0, 0.5),
    Stage(("scale", "orientation", "cell", "mosaicity", "size")),
)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Schedule:
    """Stages as arrays, a row for each round, so that one program runs any.

    Attributes:
        free: 1 for parameters that are free, else 0.
        broaden, height_sigma: as of ``Stage``.
        rescales: whether the scale is set anew before it.
        steps: at most; the last row has none and is the end.
    """

    free: Float[Array, "rounds p"]
    broaden: Float[Array, " rounds"]
    height_sigma: Float[Array, " rounds"]
    rescales: Float[Array, " rounds"]
    steps: Float[Array, " rounds"]


def schedule_of(stages: Sequence[Stage], tie: Float[np.ndarray, "6 6"], height_sigma: float) -> Schedule:
    """The stages of a crystal system.

    Args:
        stages: in their order.
        tie: from ``nbjax.refine.parameters.tie_of``.
        height_sigma: of stages that do not say it.
    """
    rows = [*(stage for stage in stages for _ in range(ROUNDS)), stages[-1]]
    heights = [height_sigma if row.height_sigma is None else max(row.height_sigma, height_sigma) for row in rows]
    # what is wider is fainter at its middle
    widths = [row.broaden for row in rows]
    changed = [float(i == 0 or widths[i] != widths[i - 1]) for i in range(len(rows))]
    return Schedule(
        free=jnp.asarray(np.stack([freed(row.free, tie) for row in rows])),
        broaden=jnp.asarray(widths, float),
        height_sigma=jnp.asarray(heights, float),
        rescales=jnp.asarray(changed),
        steps=jnp.asarray([float(_STEPS)] * (len(rows) - 1) + [0.0]),
    )


def finishing(schedule: Schedule) -> Schedule:
    """The last stage alone, in as many rounds, so that the same program runs it."""
    rows = len(schedule.steps)
    last = jnp.full(rows, rows - 1)
    steps = jnp.where(jnp.arange(rows) < rows - 1 - ROUNDS, 0.0, schedule.steps)
    return Schedule(schedule.free[last], schedule.broaden[last], schedule.height_sigma[last], jnp.zeros(rows), steps)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Look:
    """How all shots are looked at, as in one row of a schedule.

    Attributes:
        free: 1 for a shot's own numbers that follow, else 0.
        broaden, height_sigma: as of ``Stage``.
    """

    free: Float[Array, " p"]
    broaden: Float[Array, ""]
    height_sigma: Float[Array, ""]


def look_of(stage: Stage, tie: Float[np.ndarray, "6 6"], height_sigma: float) -> Look:
    """The look of one stage; its arguments are those of ``schedule_of``."""
    schedule = schedule_of([stage], tie, height_sigma)
    return Look(schedule.free[0], schedule.broaden[0], schedule.height_sigma[0])
