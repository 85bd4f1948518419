"""The photons of spots on the pixels of their shoeboxes, and derivatives in two steps: by few numbers of each spot,
and of these by what is refined.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from nbjax.experiment import Experiment
from nbjax.pipeline.closed.crossing import Passage
from nbjax.pipeline.spots.listing import Rows
from nbjax.pipeline.spots.table import Spots, spots_at
from nbjax.refine.parameters import Start, departed

FEATURES = 6
"""Minus the logarithm of a spot's photons a pixel is c + c_x x + c_y y + c_xx x^2 + c_xy x y + c_yy y^2 about the
middle of its shoebox, in pixels along fast and slow; these are the numbers, in this order.
"""
_NODES, _WEIGHTS = (array / 2 for array in np.polynomial.legendre.leggauss(3))
_LEAST_VARIANCE_PX2, _NO_PHOTONS = 0.01, 1e-290


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Shot:
    """The start and the pixels of a shot, a row for each spot.

    Attributes:
        start: of its crystal.
        hkl: Miller indices.
        panel: numbers of the panels.
        corner: first pixel (fast, slow) of each shoebox.
        data: photons, zero where nothing is known, shape (spots, pixels, pixels) along slow and fast.
        valid: 1 where a pixel counts, else 0; all 0 for rows that stand for no spot.
        beside: photons of other lattices, as far as they are known.
    """

    start: Start
    hkl: Float[Array, "n 3"]
    panel: Int[Array, " n"]
    corner: Int[Array, "n 2"]
    data: Float[Array, "n s s"]
    valid: Float[Array, "n s s"]
    beside: Float[Array, "n s s"]


def spots_of(experiment: Experiment, shot: Shot, departure: Float[Array, " p"], broaden: Array | float = 1.0) -> Spots:
    """What the model says of the spots of a shot."""
    moved = departed(experiment, shot.start, departure, broaden)
    still = jnp.full(len(shot.hkl), experiment.crystal.spindle.start_rad)
    return spots_at(moved, Rows(shot.hkl, Passage(still, still, still), shot.panel))


def features_of(spots: Spots, corner: Float[Array, "n 2"], size: int) -> Float[Array, "n 6"]:
    """See ``FEATURES``."""

    def of_spot(centre: Array, spread: Array, photons: Array, corner: Array) -> Array:
        spread = spread + _LEAST_VARIANCE_PX2 * jnp.eye(2)
        determinant = spread[0, 0] * spread[1, 1] - spread[0, 1] ** 2
        stiff = jnp.stack([spread[1, 1], -spread[0, 1], spread[0, 0]]) / determinant
        x, y = centre - corner - 0.5 * size
        pull_x, pull_y = stiff[0] * x + stiff[1] * y, stiff[1] * x + stiff[2] * y
        height = jnp.log(photons + _NO_PHOTONS) - jnp.log(2 * jnp.pi) - 0.5 * jnp.log(determinant)
        constant = 0.5 * (x * pull_x + y * pull_y) - height
        return jnp.stack([constant, -pull_x, -pull_y, 0.5 * stiff[0], stiff[1], 0.5 * stiff[2]])

    return jax.vmap(of_spot)(spots.centre, spots.covariance, spots.photons, corner)


def log_photons(feature: Float[Array, "6"]) -> Float[Array, ""]:
    """Logarithm of the photons of a spot, from its features."""
    constant, x1, y1, x2, xy, y2 = feature
    determinant = 4 * x2 * y2 - xy**2
    # the exponent at the middle, where it is lowest
    lowest = constant - (x1**2 * y2 + y1**2 * x2 - x1 * y1 * xy) / determinant
    return jnp.log(2 * jnp.pi) - 0.5 * jnp.log(determinant) - lowest


def box_photons(feature: Float[Array, "6"], size: int) -> tuple[Float[Array, "s s"], Float[Array, "s s 6"]]:
    """A spot, which is a Gaussian on the panel, integrated over each pixel of its shoebox; and slopes by its features.

    The slopes are moments of the photons.
    """
    constant, x1, y1, x2, xy, y2 = feature
    nodes = (jnp.arange(size)[:, None] + 0.5 - 0.5 * size + jnp.asarray(_NODES)).reshape(-1)
    x, y = nodes, nodes[:, None]
    weights = jnp.asarray(np.tile(_WEIGHTS, size))
    exponent = constant + x * (x1 + x2 * x) + y * (y1 + xy * x + y2 * y)
    dense = jnp.exp(-exponent) * weights * weights[:, None]

    def over(values: Array, axis: int) -> Array:
        shape = (*values.shape[:axis], size, len(_NODES), *values.shape[axis + 1 :])
        return values.reshape(shape).sum(axis + 1)

    rows = [over(dense * power, 1) for power in (1.0, x, x**2)]
    photons = over(rows[0], 0)
    moments = [
        photons,
        over(rows[1], 0),
        over(rows[0] * y, 0),
        over(rows[2], 0),
        over(rows[1] * y, 0),
        over(rows[0] * y**2, 0),
    ]
    return photons, -jnp.stack(moments, -1)
