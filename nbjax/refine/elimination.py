"""Normal equations of many shots with something in common, one shot after the other.

Each shot has parameters x of its own, and all share y. Of a shot's curvature by Gauss and Newton, with the blocks A of
x, B of x and y, and C of y, and minus its slopes a and c, what is left for y after x has followed is C - B' A^-1 B and
c - B' A^-1 a (the Schur complement). These add up over the shots, and x follows a step of y by A^-1 (a - B step).
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from nbjax.refine.equations import Linearised, held, with_prior


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Blocks:
    """Of one shot. Every spot has a share in the six numbers of one mover.

    Attributes:
        own: A, with the prior.
        own_slope: a.
        cross: B by the movers.
        shared: C, which has no other blocks than these of one mover.
        shared_slope: c.
    """

    own: Float[Array, "p p"]
    own_slope: Float[Array, " p"]
    cross: Float[Array, "movers p 6"]
    shared: Float[Array, "movers 6 6"]
    shared_slope: Float[Array, "movers 6"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Reduced:
    """What shots say of the shared numbers; of several shots the sum."""

    curvature: Float[Array, "q q"]
    slope: Float[Array, " q"]


def blocks_of(
    at: Linearised, mover: Int[Array, " n"], movers: int, departure: Float[Array, " p"], prior: Float[Array, " p"]
) -> Blocks:
    """The blocks of a shot.

    Args:
        at: about p numbers of its own and the six of each spot's mover, in this order.
        mover: number of each spot's mover; ``movers`` for one on a panel that does not move.
        movers: how many there are.
        departure: of its own.
        prior: standard deviations of these about zero.
    """
    count = len(departure)
    own, theirs = at.slopes[..., :count], at.slopes[..., count:]

    def by_mover(values: Array) -> Array:
        return jax.ops.segment_sum(values, mover, movers + 1)[:movers]

    stiff = jnp.einsum("nfg,ngq->nfq", at.curvature, theirs)
    return Blocks(
        own=with_prior(own, at.curvature, prior),
        own_slope=jnp.einsum("nfp,nf->p", own, at.slope) - departure / prior**2,
        cross=by_mover(jnp.einsum("nfp,nfq->npq", own, stiff)),
        shared=by_mover(jnp.einsum("nfp,nfq->npq", theirs, stiff)),
        shared_slope=by_mover(jnp.einsum("nfp,nf->np", theirs, at.slope)),
    )


def eliminated(blocks: Blocks, free: Float[Array, " p"]) -> Reduced:
    """What a shot says of the shared numbers once its own have followed.

    Args:
        blocks: of the shot.
        free: 1 for its own numbers that follow, else 0.
    """
    movers, six = blocks.shared_slope.shape
    cross = (jnp.swapaxes(blocks.cross, 1, 2) * free).reshape(movers * six, -1)
    following = jnp.linalg.solve(held(blocks.own, free), jnp.column_stack([cross.T, blocks.own_slope * free]))
    taken = cross @ following
    whole = jnp.einsum("mij,mk->mikj", blocks.shared, jnp.eye(movers)).reshape(movers * six, movers * six)
    return Reduced(whole - taken[:, :-1], blocks.shared_slope.reshape(-1) - taken[:, -1])


def followed(blocks: Blocks, free: Float[Array, " p"], step: Float[Array, "movers 6"]) -> Float[Array, " p"]:
    """The step of a shot's own numbers at a step of the shared ones."""
    slope = blocks.own_slope - jnp.einsum("mpq,mq->p", blocks.cross, step)
    return jnp.linalg.solve(held(blocks.own, free), slope * free)


def shared_step(
    reduced: Reduced, value: Float[np.ndarray, " q"], sigma: Float[np.ndarray, " q"]
) -> tuple[Float[np.ndarray, " q"], Float[np.ndarray, "q q"]]:
    """The step of the shared numbers, and their covariance at a misfit of 1 a pixel.

    Args:
        reduced: of all shots.
        value: of the numbers.
        sigma: standard deviations of their prior about zero.
    """
    # numbers of one kind are alike once they are over their sigma
    scaled = np.asarray(reduced.curvature) * np.outer(sigma, sigma) + np.eye(len(sigma))
    covariance = np.linalg.inv(scaled) * np.outer(sigma, sigma)
    return covariance @ (np.asarray(reduced.slope) - value / sigma**2), covariance
