"""The backgrounds of a large image that no sampled crystal shares: what varies slowly is interpolated.

A background is the product of geometry, which a polynomial follows over a block of pixels, and of a function of the
scattering angle that may have kinks and rings. The function is tabulated finely once, and looked up at each pixel; what
is left of the sum, such as the polarization of Compton scattering, is interpolated like the geometry. At a corner of
each block, where polynomials are worst, the image is compared with what it should be, and computed pixel by pixel if
it is off.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import DTypeLike
from jaxtyping import Bool, Float

from nbjax import precision
from nbjax.experiment import Experiment
from nbjax.held import apart
from nbjax.physics.backgrounds.amorphous import Amorphous
from nbjax.physics.backgrounds.background import Term
from nbjax.physics.backgrounds.water import Water
from nbjax.pipeline.accumulate import oversampled_factors, pixel_sums, whole_product
from nbjax.pipeline.backgrounds import mean_sample, scattered_by_angle
from nbjax.pipeline.scene import Scene
from nbjax.pipeline.view import Pixels, seen_by

_NODES, _EDGE = 6, 32
"""Points of a block along each edge, and its pixels."""
_FEWEST = 1 << 18
"""Pixels of an image for which the table is worth it."""
_TOLERANCE = 1e-5
_PLACES, _BESIDE, _SMOOTH = 1 << 15, 2, 1 << 12
"""Places of the table, those beyond each end, and those that a background's own table has at most."""


def is_interpolated(experiment: Experiment) -> bool:
    """Whether some backgrounds of an experiment are interpolated."""
    rows, columns = experiment.grid.roi_shape
    large = experiment.grid.panels * rows * columns >= _FEWEST
    alone = not experiment.crystals and experiment.program is None
    return large and alone and any(map(_is_regular, experiment.backgrounds))


def _is_regular(term: Term) -> bool:
    if isinstance(term, Amorphous):
        # rings are too sharp for a table of a few places a pixel
        return term.variation is None and len(term.amplitude.values) <= _SMOOTH
    return isinstance(term, Water)


def interpolated_part(experiment: Experiment) -> tuple[Experiment, Experiment]:
    """The experiment with the backgrounds that are interpolated alone, and with the others alone."""
    regular = [_is_regular(term) for term in experiment.backgrounds]

    def chosen(which: bool) -> Experiment:
        pairs = zip(experiment.backgrounds, regular, strict=True)
        return replace(experiment, backgrounds=tuple(term for term, own in pairs if own == which), low=None)

    return chosen(True), chosen(False)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class _Seen:
    """What points of a grid on a panel see, shape (slow, fast).

    Attributes:
        whole: the sum of all backgrounds in photons.
        square: (sin(theta) / wavelength)^2 in 1/m^2.
        geometry: photons of a squared electron that scatters by the angle alone.
        rest: the sum without that.
    """

    whole: Array
    square: Array
    geometry: Array
    rest: Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class _Table:
    """A function of sin(theta) / wavelength at even places from the first on."""

    first: Float[Array, ""]
    step: Float[Array, ""]
    values: Float[Array, " places"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Backdrop:
    """What the window is interpolated from; of several panels with a leading axis.

    Attributes:
        nodes: of blocks, in photons.
        table: what scatters by the angle alone.
        right: whether the window is right to 1e-5.
    """

    nodes: _Seen
    table: _Table
    right: Bool[Array, ""]

    def image(self, experiment: Experiment) -> Float[Array, "*window"]:
        """The window in photons, before screens."""
        rows, columns = experiment.grid.roi_shape
        dtype = precision.policy(experiment.precision).intensity

        def of_panel(own: tuple[_Seen, _Table]) -> Array:
            return _pixels(*own, _WEIGHTS, dtype)[:rows, :columns]

        if experiment.grid.panels == 1:
            return of_panel((self.nodes, self.table))
        return jax.lax.map(of_panel, (self.nodes, self.table))


def backdrop(experiment: Experiment, scene: Scene) -> Backdrop:
    """What smooth backgrounds are interpolated from.

    Args:
        experiment: from ``interpolated_part``.
        scene: of it.
    """
    grid = experiment.grid
    rows, columns = grid.roi_shape
    corners = grid.roi[2] + _starts(rows), grid.roi[0] + _starts(columns)
    nodes = tuple((start[:, None] + _OFFSETS).reshape(-1) for start in corners)

    def of_panel(panel: Array | None) -> Backdrop:
        # loops of their own, not in that over pixels
        seen, table = apart(partial(_worked_out, nodes), experiment, scene, panel)
        wanted = _seen(experiment, scene, corners, panel).whole
        found = _pixels(seen, table, _WEIGHTS[:1], seen.whole.dtype)
        return Backdrop(seen, table, (jnp.abs(found - wanted) <= _TOLERANCE * jnp.abs(wanted)).all())

    if grid.panels == 1:
        return of_panel(None)
    found = jax.lax.map(of_panel, jnp.arange(grid.panels))
    return replace(found, right=found.right.all())


def _worked_out(
    nodes: tuple[np.ndarray, ...], experiment: Experiment, scene: Scene, panel: Array | None
) -> tuple[_Seen, _Table]:
    """What the pixels of a panel are made of."""
    seen = _seen(experiment, scene, nodes, panel)
    return seen, _table(experiment, scene, seen.square)


def _starts(pixels: int) -> np.ndarray:
    """First pixels of the blocks along an axis."""
    return _EDGE * np.arange(-(-pixels // _EDGE))


def _seen(experiment: Experiment, scene: Scene, places: tuple[np.ndarray, ...], panel: Array | None) -> _Seen:
    """What a grid sees; whole numbers are middles of pixels."""
    shape = tuple(map(len, places))
    slow, fast = (jnp.asarray(x.reshape(-1), scene.rays.depth.dtype) for x in np.meshgrid(*places, indexing="ij"))
    pixels = Pixels(slow, fast, jnp.zeros(slow.shape, jnp.int32), panel)
    own, own_scene, pixels = seen_by(experiment, scene, pixels)
    sample = mean_sample(own, own_scene, pixels)
    square = sum((0.25 * q * q for q in sample.scattering_per_m), jnp.zeros_like(slow))
    scale = scene.photons_per_sr_per_electron
    geometry = scale * whole_product(own, sample)[0] * oversampled_factors(own, sample)
    whole = scale * pixel_sums(own, own_scene, pixels)
    rest = whole - geometry * scattered_by_angle(own, own_scene, jnp.sqrt(square))
    return _Seen(*(field.reshape(shape) for field in (whole, square, geometry, rest)))


def _table(experiment: Experiment, scene: Scene, square: Array) -> _Table:
    """What scatters by the angle alone, from the least to the largest angle."""
    low, high = (jnp.sqrt(end) for end in jax.lax.stop_gradient((square.min(), square.max())))
    step = (high - low) / (_PLACES - 2 * _BESIDE)
    first = low - _BESIDE * step
    places = first + step * jnp.arange(_PLACES, dtype=square.dtype)
    return _Table(first, step, scattered_by_angle(experiment, scene, places))


def _pixels(seen: _Seen, table: _Table, weights: Float[np.ndarray, "edge nodes"], dtype: DTypeLike) -> Array:
    """Pixels of all blocks of a panel, as many of each as have weights along an axis.

    Args:
        seen: of the nodes.
        table: what scatters by the angle.
        weights: what each node is worth.
        dtype: of the intensity.
    """
    # places in the table need all digits
    square = _between(seen.square, weights)
    geometry, rest, values = seen.geometry.astype(dtype), seen.rest.astype(dtype), table.values.astype(dtype)
    # where it is nothing, its root has no derivative
    at = (jnp.sqrt(jnp.maximum(square, (0.01 * table.step) ** 2)) - table.first) / table.step
    number = jnp.clip(at.astype(jnp.int32), 0, len(values) - 2)
    part = (at - number).astype(dtype)
    here, there = (values.at[number + k].get(mode="promise_in_bounds") for k in (0, 1))
    found = here + part * (there - here)
    return (_between(geometry, weights) * found + _between(rest, weights)).astype(seen.whole.dtype)


def _between(nodes: Array, weights: Float[np.ndarray, "edge nodes"]) -> Array:
    """Pixels of all blocks from their nodes."""
    worth = jnp.asarray(weights, nodes.dtype)
    rows, columns = (size // _NODES for size in nodes.shape)
    along = jnp.einsum("skfl,jl->skfj", nodes.reshape(rows, _NODES, columns, _NODES), worth)
    # in a loop of its own: the next one, over pixels, reads each of its results many times
    along = jax.lax.optimization_barrier(along.reshape(rows, _NODES, -1))
    parts = (worth[:, k, None] * along[:, k, None, :] for k in range(_NODES))
    return sum(parts, jnp.zeros((), nodes.dtype)).reshape(rows * len(weights), -1)


def _weights() -> Float[np.ndarray, "edge nodes"]:
    """What each node of a block is worth at each of its pixels."""
    away = np.arange(_EDGE)[:, None] - _OFFSETS
    others = ~np.eye(_NODES, dtype=bool)
    above = np.stack([away[:, own].prod(1) for own in others], 1)
    return above / np.array([(point - _OFFSETS[own]).prod() for point, own in zip(_OFFSETS, others, strict=True)])


# Chebyshev's, from the corner of the first pixel on, whose middle is the whole number
_OFFSETS = 0.5 * _EDGE * (1 - np.cos(np.pi * (np.arange(_NODES) + 0.5) / _NODES)) - 0.5
_WEIGHTS = _weights()
