"""Least squares of a shot: planes of background and heights of spots are solved for inside of each shoebox.

Of a shoebox with the model's spot s and weights w, the numbers b of 1, x, y and s are linear. Their normal equations
are solved for each value of what is refined, with a prior of the height about 1, and what is left of the slopes by the
features after these have taken their share (Golub and Pereyra 1973, Kaufman 1975) goes on to the parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from nbjax.experiment import Experiment
from nbjax.pipeline.spots.table import Spots
from nbjax.refine.model import FEATURES, Shot, box_photons, features_of, spots_of

_LINEAR = 4
_TINY = 1e-9


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Boxes:
    """What a shot's shoeboxes say at one value of the parameters.

    Attributes:
        linear: background at the middle, its slopes to the edges along fast and slow, and height over the model's.
        free_height: height without its prior, and its standard deviation, shape (n, 2).
        spot: photons of the model's spot.
        model: photons of the spot with its height, and background; without those of other lattices.
        misfit: weighted squares of each box, with the prior of its height.
    """

    linear: Float[Array, "n 4"]
    free_height: Float[Array, "n 2"]
    spot: Float[Array, "n s s"]
    model: Float[Array, "n s s"]
    misfit: Float[Array, " n"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Linearised:
    """The misfit of each spot about one value of p parameters.

    Attributes:
        boxes, spots, features: there.
        slopes: of the features by the parameters.
        slope: minus half the slope of its misfit by the features.
        curvature: half its curvature by Gauss and Newton.
    """

    boxes: Boxes
    spots: Spots
    features: Float[Array, "n f"]
    slopes: Float[Array, "n f p"]
    slope: Float[Array, "n f"]
    curvature: Float[Array, "n f f"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Equations:
    """The misfit of a shot with priors, minus half its slope, half its curvature by Gauss and Newton; and its boxes.

    Those of each spot, without priors, are ``spot_slope``.
    """

    misfit: Float[Array, ""]
    slope: Float[Array, " p"]
    spot_slope: Float[Array, "n p"]
    curvature: Float[Array, "p p"]
    boxes: Boxes
    spots: Spots


def equations(
    experiment: Experiment,
    shot: Shot,
    weights: Float[Array, "n s s"],
    departure: Float[Array, " p"],
    prior: Float[Array, " p"],
    broaden: Float[Array, ""],
    height_sigma: Float[Array, " n"],
) -> Equations:
    """The equations at a departure.

    Args:
        experiment, shot: whose.
        weights: one over the variance of each pixel.
        departure: of the parameters.
        prior: their standard deviations about zero.
        broaden: factor of the mosaicity.
        height_sigma: standard deviations of heights over the model's.
    """
    at = linearised(lambda x: spots_of(experiment, shot, x, broaden), shot, weights, departure, height_sigma)
    spot_slope = jnp.einsum("nfp,nf->np", at.slopes, at.slope)
    return Equations(
        misfit=at.boxes.misfit.sum() + (departure**2 / prior**2).sum(),
        slope=spot_slope.sum(0) - departure / prior**2,
        spot_slope=spot_slope,
        curvature=with_prior(at.slopes, at.curvature, prior),
        boxes=at.boxes,
        spots=at.spots,
    )


def with_prior(
    slopes: Float[Array, "n f p"], curvature: Float[Array, "n f f"], prior: Float[Array, " p"]
) -> Float[Array, "p p"]:
    """Curvature by parameters with these standard deviations about zero, from that by the features of all spots."""
    return jnp.einsum("nfp,nfg,ngq->pq", slopes, curvature, slopes) + jnp.diag(1 / prior**2)


def held(curvature: Float[Array, "p p"], free: Float[Array, " p"]) -> Float[Array, "p p"]:
    """A curvature in which nothing moves what is not free."""
    return curvature * jnp.outer(free, free) + jnp.diag(1 - free)


def linearised(
    spots_at: Callable[[Float[Array, " p"]], Spots],
    shot: Shot,
    weights: Float[Array, "n s s"],
    parameters: Float[Array, " p"],
    height_sigma: Float[Array, " n"],
) -> Linearised:
    """The misfit of each spot about a value of any parameters.

    Args:
        spots_at: the spots of the shot as a function of them.
        shot: whose.
        weights: one over the variance of each pixel.
        parameters: their value.
        height_sigma: standard deviation of heights over the model's.
    """
    size = shot.data.shape[-1]

    def of(x: Array) -> tuple[Array, tuple[Array, Spots]]:
        spots = spots_at(x)
        features = features_of(spots, shot.corner.astype(x.dtype), size)
        return features, (features, spots)

    slopes, (features, spots) = jax.jacfwd(of, has_aux=True)(parameters)
    spot, by_features = jax.vmap(lambda feature: box_photons(feature, size))(features)
    boxes, slope, curvature = jax.vmap(_box, (0, 0, 0, 0, 0))(
        shot.data - shot.beside, weights, spot, by_features, height_sigma
    )
    return Linearised(boxes, spots, features, slopes, slope, curvature)


def _box(data: Array, weights: Array, spot: Array, by_features: Array, height_sigma: Array) -> tuple:
    """A shoebox, and slope and curvature of its misfit by the features of its spot."""
    size = len(data)
    across = jnp.broadcast_to(jnp.linspace(-1.0, 1.0, size), data.shape)
    basis = jnp.stack([jnp.ones_like(data), across, across.T, spot], -1)
    columns = jnp.concatenate([basis, by_features], -1).reshape(-1, _LINEAR + FEATURES)
    weighted = columns * weights.reshape(-1, 1)
    matrix, right = weighted.T @ columns, weighted.T @ data.reshape(-1)
    own, across_both = matrix[:_LINEAR, :_LINEAR], matrix[:_LINEAR, _LINEAR:]
    # boxes without pixels, and spots without photons
    safe = own + jnp.diag(_TINY * jnp.diag(own) + 1e-12)
    stiff = jnp.zeros(_LINEAR).at[-1].set(1 / height_sigma**2)
    held = safe + jnp.diag(stiff)
    linear = jnp.linalg.solve(held, right[:_LINEAR] + stiff)
    height = linear[-1]
    model = basis @ linear
    misfit = (weights * (data - model) ** 2).sum() + (height - 1) ** 2 / height_sigma**2
    slope = height * (right[_LINEAR:] - across_both.T @ linear)
    shared = across_both.T @ jnp.linalg.solve(held, across_both)
    curvature = height**2 * (matrix[_LINEAR:, _LINEAR:] - shared)
    inverse = jnp.linalg.inv(safe)
    free = jnp.stack([(inverse @ right[:_LINEAR])[-1], jnp.sqrt(jnp.maximum(inverse[-1, -1], 0))])
    return Boxes(linear, free, spot, model, misfit), slope, curvature
