"""The photons of spots on the pixels of boxes about their middles.

What the pixels see is smooth over a spot: it is taken at few points, in 64 bits, and is a polynomial of the place for
all pixels and the nodes at which they are integrated. Nearly all of the work is there, on arrays whose last axis is
that of the spots: processors take many of a last axis at once, and a box has few columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import erf
from jaxtyping import Float

from nbjax import precision
from nbjax.experiment import Experiment
from nbjax.held import apart
from nbjax.pipeline.closed.frame import Frame
from nbjax.pipeline.closed.spot import Around, Exposed, Spot, exposed_of, factor_at, margin_at, seen_at, shown
from nbjax.pipeline.closed.surface import POINTS, Surface, across, along, at, surface
from nbjax.pipeline.scene import RayTable, Scene
from nbjax.sampling.capacity import SpotSize

_LEAST_VARIANCE = 1e-30
_LEAST_REACH = 1e-6
"""Pixels of a spot without extent."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Limit:
    """The resolution limit on a spot; see ``margin_at``.

    Attributes:
        margin: how far within the limit, relative to it.
        variance: of this over the photons of a point.
        of_pixel: over a pixel.
    """

    margin: Surface
    variance: Float[Array, "*spots"]
    of_pixel: Float[Array, "*spots"]

    def passed(self, margin: Array, nodes: int) -> Array:
        """The share of photons that is within the limit, at nodes of a pixel."""
        # what a node stands for is a smaller pixel
        variance = self.variance + self.of_pixel / nodes**2
        return 0.5 * (1 + erf(margin / jnp.sqrt(2 * jnp.maximum(variance, _LEAST_VARIANCE))))


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Smooth:
    """What is smooth over a spot, as polynomials, in the type of the intensity; of many spots, the last axis theirs.

    Attributes:
        seen: exponent of a still; exponent, angle, slope and bend of a rotation.
        limit: of the resolution; None without one.
        factor: the product of all that is slow.
        exposed: of a rotation; None for a still.
        height: of the spot.
    """

    seen: tuple[Surface, ...]
    limit: Limit | None
    factor: Surface
    exposed: Exposed | None
    height: Float[Array, "*spots"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Places:
    """Where the pixels of a box are on a spot, in the type of the intensity; of many spots, the last axis theirs.

    Attributes:
        rows: distance of the middles of rows from the spot's in half its length.
        columns: that of the middles of pixels from the spot's line in half its width.
        shift_along, shift_across, lean: such distances for one pixel, and what along one moves across.
        factor_rows, factor_columns: as ``rows`` and ``columns``, in half of what the pixels reach.
    """

    rows: Float[Array, "rows *spots"]
    columns: Float[Array, "rows columns *spots"]
    shift_along: Float[Array, "*spots"]
    shift_across: Float[Array, "*spots"]
    lean: Float[Array, "*spots"]
    factor_rows: Float[Array, "rows *spots"]
    factor_columns: Float[Array, "rows columns *spots"]


def smooth_of(experiment: Experiment, scene: Scene, ray: RayTable, spot: Spot, around: Around, frame: Frame) -> Smooth:
    """What is smooth over one spot, for a source of weight one.

    Args:
        experiment, scene: as the pixels see them, see ``nbjax.pipeline.view.seen_by``.
        ray: row of the table.
        spot: from ``spot_of``.
        around: what all spots share.
        frame: of the spot.
    """
    dtype = precision.policy(experiment.precision).intensity
    points = _points(frame, *_reach(frame))
    seen, limit = seen_at(experiment, scene, ray, spot, around, *points), None
    if experiment.grid.resolution_cut:
        margin, variance = margin_at(experiment, scene, ray, spot, around, *points)
        limit = Limit(surface(margin, dtype), variance, _over_pixel(margin, frame))
    smooth = Smooth(
        seen=tuple(surface(part, dtype) for part in seen),
        limit=limit,
        factor=surface(factor_at(experiment, scene, ray, *_points(frame, *_extent(frame))), dtype),
        exposed=None if around.axis is None else exposed_of(spot),
        height=spot.height,
    )
    narrowed: Smooth = jax.tree.map(lambda leaf: leaf.astype(dtype), smooth)
    return narrowed


def _over_pixel(margin: Float[Array, "terms terms"], frame: Frame) -> Float[Array, ""]:
    """Variance of a function that is nearly linear over a pixel."""
    length, width = _reach(frame)
    ends = POINTS[0] - POINTS[-1]
    along, across = ((margin.take(0, axis) - margin.take(-1, axis)).mean() / ends for axis in (0, 1))
    across /= width
    return ((along / length - frame.lean * across) ** 2 + across**2) / 12


def places_of_pixels(frame: Frame, size: SpotSize, dtype: Any) -> Places:
    """The pixels of a box of one size on a spot.

    Args:
        frame: of the spot.
        size: of the box.
        dtype: of the intensity.
    """
    length, width = _reach(frame)
    rows, columns = frame.pixels(size.half_length, size.half_width)
    middle = rows + 0.5
    # the distance from the spot's line is small where the index of a pixel is large
    off_rows, off_columns = middle - frame.along, columns + 0.5 - frame.line(middle)[:, None]
    whole_length, whole_width = _extent(frame)
    places = Places(
        rows=off_rows / length,
        columns=off_columns / width,
        shift_along=1 / length,
        shift_across=1 / width,
        lean=frame.lean,
        factor_rows=jnp.clip(off_rows / whole_length, -1, 1),
        factor_columns=jnp.clip(off_columns / whole_width, -1, 1),
    )
    narrowed: Places = jax.tree.map(lambda leaf: leaf.astype(dtype), places)
    return narrowed


def _reach(frame: Frame) -> tuple[Array, Array]:
    """Half the length and width of a spot; pixels may be wider, and no polynomial would follow it there."""
    return jnp.maximum(frame.reach_along, _LEAST_REACH), jnp.maximum(frame.reach_across, _LEAST_REACH)


def _extent(frame: Frame) -> tuple[Array, Array]:
    """Those of what is slow: it is that of the middle of each pixel, wherever in it the spot is."""
    return frame.length + 1, frame.width + 1


def _points(frame: Frame, length: Array, width: Array) -> tuple[Array, Array]:
    """(slow, fast) of the points at which functions are evaluated over a frame."""
    points = jnp.asarray(POINTS, frame.along.dtype)
    at = jnp.broadcast_to((frame.along + length * points)[:, None], (len(points),) * 2)
    return frame.point(at, frame.line(at) + width * points)


def photons_of(smooth: Smooth, places: Places, nodes: int) -> Float[Array, "rows columns spots"]:
    """The pixels of boxes in electrons squared times steradians.

    Args:
        smooth, places: of many spots.
        nodes: in each direction, at which a pixel is integrated.
    """
    dtype = smooth.height.dtype
    knots, weights = np.polynomial.legendre.leggauss(nodes)
    # of node along, node across, row, column, spot
    deep, wide = (-1, 1, 1, 1, 1), (-1, 1, 1, 1)
    along_node, across_node = (jnp.asarray(knots / 2, dtype).reshape(shape) for shape in (deep, wide))
    x = places.rows[:, None] + along_node * places.shift_along
    y = places.columns + (across_node - places.lean * along_node) * places.shift_across
    reached = (jnp.abs(x) <= 1) & (jnp.abs(y) <= 1)
    x, y = jnp.clip(x, -1, 1), jnp.clip(y, -1, 1)
    # one for all nodes across and columns
    parts = smooth.seen if smooth.limit is None else (*smooth.seen, smooth.limit.margin)
    lines = apart(along, parts, x)
    seen = [across([line[number] for line in lines], y) for number in range(len(parts))]
    kept = 1.0 if smooth.limit is None else smooth.limit.passed(seen.pop(), nodes)
    value = kept * (jnp.exp(-seen[0]) if smooth.exposed is None else shown(smooth.exposed, *seen))
    weight_along, weight_across = (jnp.asarray(weights / 2, dtype).reshape(shape) for shape in (deep, wide))
    inside = jnp.where(reached, weight_along * weight_across * value, 0).sum((0, 1))
    factor = at(smooth.factor, places.factor_rows[:, None], places.factor_columns)
    return factor * inside * smooth.height
