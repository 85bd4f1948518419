"""The smooth background under the spots, which a fit solves for inside every look at the likelihood.

It is linear in its coefficients, and its groups of pixels do not see each other, so that the best coefficients of any
model are a few small damped scoring steps away. What the fit then sees is the likelihood at these best coefficients
(variable projection: Golub and Pereyra, SIAM J. Numer. Anal. 10, 413, 1973), and the Schur complement of their
information widens the standard deviations of everything else by what the background leaves open.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from nbjax.fields import STATIC
from nbjax.fit.losses import Loss

Kind = Literal["auto", "plane", "constant", "radial", "none"]

_PRIOR_COUNTS = 0.1
"""Weight of the prior of the background at each place where it must be positive: so many counts at the data's level."""

_CLIPS, _OUTSTANDING = 8, 3.0

_STEPS = 30
_DONE = 1e-12
"""Twice the improvement of the log-likelihood below which the background of a group is solved."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class FittedBackground:
    """Where pixels lie in what their background is a function of.

    Attributes:
        place: for ``plane`` (slow, fast) in the group, from -1 to 1; for ``radial`` the position between knots and the
            factor of geometry; for ``constant`` nothing. Shape (..., chunks, groups, n, 2), or 0 for 2.
        kind: "plane", "constant" or "radial"; a radial background is one for all groups.
        calm: photons of the background as pixels without spots show it, shape (..., chunks, n); None until known.
        functions: number of basis functions.
    """

    place: Float[Array, "*shots groups n c"]
    calm: Float[Array, "*shots n"] | None
    kind: str = field(metadata=STATIC)
    functions: int = field(metadata=STATIC)

    @property
    def shared(self) -> bool:
        """Whether all groups have the same coefficients."""
        return self.kind == "radial"

    def basis(self, place: Float[Array, "*g n c"]) -> Float[Array, "*g n k"]:
        """Basis functions of pixels."""
        if self.kind == "radial":
            knots = jnp.arange(-1.0, self.functions - 1.0)
            return place[..., 1:] * cubic_spline(place[..., :1] - knots)
        one = jnp.ones((*place.shape[:-1], 1), place.dtype)
        return jnp.concatenate([one, place], axis=-1)

    def anchors(self) -> np.ndarray:
        """Basis functions at the places where the background is kept positive, shape (places, k).

        A plane that is positive at the corners of its group is so everywhere in it, and splines with positive
        coefficients are positive.
        """
        if self.kind == "plane":
            return np.array([[1.0, y, x] for y in (-1.0, 1.0) for x in (-1.0, 1.0)])
        return np.eye(self.functions)

    def crossed(
        self, slope: Float[Array, " n"], information: Float[Array, " n"], columns: Float[Array, "n p"]
    ) -> tuple[Float[Array, "groups k"], Float[Array, "groups k k"], Float[Array, "groups k p"]]:
        """Of one chunk: gradient and information of the coefficients, and the information between them and parameters.

        Args:
            slope, information: of each pixel's loss by its photons.
            columns: derivatives of the photons by the parameters.
        """
        basis = self.basis(self.place)
        shape = basis.shape[:2]
        weighted = basis * information.reshape(*shape, 1)
        gram = jnp.einsum("gnk,gnl->gkl", basis, weighted)
        cross = jnp.einsum("gnk,gnp->gkp", weighted, columns.reshape(*shape, -1))
        return jnp.einsum("gnk,gn->gk", basis, slope.reshape(shape)), gram, cross

    def collected(self, sums: Float[Array, "chunks groups ..."]) -> Float[Array, "c g ..."]:
        """Sums over pixels of each group as those of each set of coefficients."""
        return sums.sum(axis=(0, 1), keepdims=True) if self.shared else sums


class Normal(NamedTuple):
    """Value, gradient and information of the coefficients; leading axes (chunks, groups), or (1, 1)."""

    value: Array
    gradient: Array
    information: Array


def cubic_spline(x: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """The cubic B-spline on whole knots, centred at zero; its translations by whole numbers sum to one."""
    far = jnp.abs(x)
    inner, outer = 2 / 3 - far**2 * (1 - far / 2), (2 - far) ** 3 / 6
    return jnp.where(far < 1, inner, jnp.where(far < 2, outer, 0.0))


@dataclass(frozen=True)
class Ground:
    """The best background under some spots.

    Attributes:
        background: of one shot.
        level: its photons, shape (chunks, n).
        prior: of the coefficients, at their best.
        prior_residuals: half their squares sum to its value.
    """

    background: FittedBackground
    level: Float[Array, "chunks n"]
    prior: Normal
    prior_residuals: Float[Array, " a"]

    def projected(
        self, crossed: tuple[Array, Array, Array], gradient: Float[Array, " p"], information: Float[Array, "p p"]
    ) -> tuple[Float[Array, " p"], Float[Array, "p p"]]:
        """Gradient and information of the parameters of the spots, with the best background for each of their values.

        Args:
            crossed: of every chunk, from ``FittedBackground.crossed``.
            gradient, information: at fixed background.
        """
        slope, gram, cross = (self.background.collected(part) for part in crossed)
        inner = Normal(slope, slope + self.prior.gradient, gram + self.prior.information)
        answers = _divided(inner.information, cross)
        # the first term is zero but for what the coefficients are short of their best
        gradient = gradient - jnp.einsum("cgkp,cgk->p", answers, inner.gradient)
        return gradient, information - jnp.einsum("cgkp,cgkq->pq", cross, answers)


def ground(
    loss: Loss,
    background: FittedBackground,
    spots: Float[Array, "chunks n"],
    data: Float[Array, "chunks n"],
    weight: Float[Array, "chunks n"],
) -> Ground:
    """The best background of one shot under given spots.

    Its derivatives by the photons of the spots are those of the best background to first order.

    Args:
        loss: of the pixels.
        background: of the shot.
        spots: photons of the spots.
        data, weight: of the pixels.
    """
    groups = background.place.shape[-3:-1]
    spots, data, weight = (part.reshape(-1, *groups) for part in (spots, data, weight))
    typical = _typical(background, data, weight)
    flat = np.ones(background.functions) if background.shared else np.eye(background.functions)[0]

    def normal(spots: Array, coefficients: Array) -> Normal:
        wide = jnp.broadcast_to(coefficients, (*spots.shape[:2], background.functions))

        def of_chunk(chunk: tuple[Array, ...]) -> Normal:
            place, spots, data, weight, c = chunk
            basis = background.basis(place)
            mean = (spots + jnp.einsum("gnk,gk->gn", basis, c)).reshape(-1)
            value, slope = jax.jvp(lambda m: loss.nll(m, data.reshape(-1)), (mean,), (jnp.ones_like(mean),))
            parts = (part.reshape(weight.shape) for part in (value, slope, loss.information(mean)))
            value, slope, information = (jnp.where(weight > 0, part, 0.0) for part in parts)
            gram = jnp.einsum("gnk,gnl->gkl", basis, basis * information[..., None])
            return Normal(value.sum(axis=-1), jnp.einsum("gnk,gn->gk", basis, slope), gram)

        found = jax.lax.map(of_chunk, (background.place, spots, data, weight, wide))
        known = _prior(background, coefficients, typical)
        return Normal(*(background.collected(part) + more for part, more in zip(found, known, strict=True)))

    fixed = jax.lax.stop_gradient(spots)
    start = typical[..., None] * jnp.asarray(flat)
    best = _minimised(lambda c: normal(fixed, c), start, jnp.asarray(background.anchors()))
    at = normal(spots, best)
    step = _divided(jax.lax.stop_gradient(at.information), at.gradient[..., None])[..., 0]
    # zero at the minimum, but its derivatives are those of the minimum
    best = best - (step - jax.lax.stop_gradient(step))
    level = jnp.einsum(
        "cgnk,cgk->cgn", background.basis(background.place), jnp.broadcast_to(best, (*spots.shape[:2], best.shape[-1]))
    )
    ratio = (best @ jnp.asarray(background.anchors()).T) / typical[..., None]
    root = _root_of_prior(ratio - 1).reshape(-1)
    return Ground(background, level.reshape(len(level), -1), _prior(background, best, typical), root)


def undisturbed(
    loss: Loss, background: FittedBackground, data: Float[Array, "chunks n"], weight: Float[Array, "chunks n"]
) -> Float[Array, "chunks n"]:
    """The background of one shot from the pixels that do not stand out of it, without knowing where spots are."""
    flat = jnp.zeros_like(data)

    def leave_out(state: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], None]:
        level = ground(loss, background, flat, data, state[0]).level
        highest = level + _OUTSTANDING / jnp.sqrt(loss.information(level.reshape(-1))).reshape(level.shape)
        return (jnp.where(data > highest, 0.0, weight), level), None

    # the last level is that of what the clips before it have kept
    return jax.lax.scan(leave_out, (weight, flat), None, length=_CLIPS + 1)[0][1]


def _typical(background: FittedBackground, data: Array, weight: Array) -> Float[Array, "c g"]:
    """Mean of the data of each set of coefficients, in the unit of the coefficients; never zero."""

    def of_chunk(chunk: tuple[Array, Array, Array]) -> tuple[Array, ...]:
        place, data, weight = chunk
        height = background.basis(place).sum(axis=-1) if background.shared else jnp.ones_like(data)
        return tuple((weight * part).sum(axis=-1) for part in (data, jnp.abs(data), height, jnp.ones_like(data)))

    parts = jax.lax.map(of_chunk, (background.place, data, weight))
    mean, size, height, count = (background.collected(part) for part in parts)
    count = jnp.maximum(count, 1.0)
    photons = jnp.maximum(jnp.maximum(mean, 0.01 * size) / count, 1e-3)
    return photons / jnp.where(height > 0, height / count, 1.0)


def _prior(background: FittedBackground, coefficients: Float[Array, "c g k"], typical: Float[Array, "c g"]) -> Normal:
    """A gamma distribution about the data's level at each anchor; it keeps the background positive and determined."""
    anchors = jnp.asarray(background.anchors())
    photons = coefficients @ anchors.T
    ratio = photons / typical[..., None]
    slope = _PRIOR_COUNTS * (1 / typical[..., None] - 1 / photons)
    return Normal(
        _PRIOR_COUNTS * (ratio - 1 - jnp.log(ratio)).sum(axis=-1),
        slope @ anchors,
        jnp.einsum("...a,ak,al->...kl", _PRIOR_COUNTS / photons**2, anchors, anchors),
    )


def _root_of_prior(excess: Float[Array, "*a"]) -> Float[Array, "*a"]:
    """Signed root of twice the prior's value where the background is ``1 + excess`` of its typical level."""
    near = jnp.abs(excess) < 1e-3
    away = jnp.where(near, 1.0, excess)
    root = jnp.sign(away) * jnp.sqrt(2 * (away - jnp.log1p(away)))
    return math.sqrt(_PRIOR_COUNTS) * jnp.where(near, excess * (1 - excess / 3), root)


def _minimised(normal: Callable[[Array], Normal], start: Array, anchors: Array) -> Array:
    """Coefficients of the least value of each group, by damped scoring from within the positive ones."""

    def body(state: tuple[Array, Array, Normal, Array, Array]) -> tuple[Array, Array, Normal, Array, Array]:
        number, c, at, damping, _ = state
        diagonal = jnp.diagonal(at.information, axis1=-2, axis2=-1)
        damped = at.information + (damping[..., None] * diagonal)[..., None] * jnp.eye(c.shape[-1])
        step = -_divided(damped, at.gradient[..., None])[..., 0]
        gain = -(step * at.gradient).sum(axis=-1)
        reach = jnp.max(-(step @ anchors.T) / (c @ anchors.T), axis=-1)
        trial = c + step * jnp.minimum(1.0, 0.9 / jnp.maximum(reach, 1e-30))[..., None]
        there = normal(trial)
        better = there.value <= at.value

        def kept(new: Array, old: Array) -> Array:
            return jnp.where(better.reshape(better.shape + (1,) * (new.ndim - 2)), new, old)

        c, at = jax.tree.map(kept, (trial, there), (c, at))
        damping = jnp.where(better, damping * 0.1, jnp.maximum(damping * 10, 1e-2))
        # where rounding hides any gain, damping rises
        return number + 1, c, at, damping, (gain < _DONE) | (damping > 1e6)

    def unsolved(state: tuple[Array, Array, Normal, Array, Array]) -> Array:
        return (state[0] < _STEPS) & ~state[4].all()

    shape = start.shape[:-1]
    first = (jnp.int32(0), start, normal(start), jnp.full(shape, 1e-6, start.dtype), jnp.zeros(shape, bool))
    return jax.lax.while_loop(unsolved, body, first)[1]


def _divided(matrix: Float[Array, "*g k k"], sides: Float[Array, "*g k p"]) -> Float[Array, "*g k p"]:
    """Solutions of small systems, scaled to a unit diagonal."""
    scale = jnp.sqrt(jnp.diagonal(matrix, axis1=-2, axis2=-1))
    scaled = matrix / scale[..., :, None] / scale[..., None, :]
    return jnp.linalg.solve(scaled, sides / scale[..., None]) / scale[..., None]
