"""The photons of spots on the pixels of boxes about their middles.

What the pixels see is smooth over a spot: it is taken at few points, in 64 bits, and is a polynomial of the place for
all pixels and the nodes at which they are integrated. Nearly all of the work is there, on arrays whose last axis is
that of the spots: processors take many of a last axis at once, and a box has few columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from nbjax import precision
from nbjax.experiment import Experiment
from nbjax.held import apart
from nbjax.pipeline.closed.frame import Frame
from nbjax.pipeline.closed.spot import Around, Exposed, Spot, beyond_at, exposed_of, factor_at, seen_at, shown
from nbjax.pipeline.closed.surface import POINTS, Surface, across, along, surface
from nbjax.pipeline.scene import RayTable, Scene
from nbjax.sampling.capacity import SpotSize

_LEAST_REACH = 1e-6
"""Pixels of a spot without extent."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Sheet:
    """What the pixels of a box are computed from, in the type of the intensity; of many spots, the last axis theirs.

    Attributes:
        seen: exponent of a still; exponent, angle, slope and bend of a rotation.
        beyond: of ``beyond_at``; None without a resolution limit.
        rows: distance of the middles of rows from the spot's in half its length.
        columns: that of the middles of pixels from the spot's line in half its width.
        shift_along, shift_across, lean: such distances for one pixel, and what along one moves across.
        factor: the product of all that is slow.
        factor_rows, factor_columns: as ``rows`` and ``columns``, in half of what the pixels reach.
        exposed: of a rotation; None for a still.
        height: of the spot.
    """

    seen: tuple[Surface, ...]
    beyond: Surface | None
    rows: Float[Array, " rows"]
    columns: Float[Array, "rows columns"]
    shift_along: Float[Array, ""]
    shift_across: Float[Array, ""]
    lean: Float[Array, ""]
    factor: Surface
    factor_rows: Float[Array, " rows"]
    factor_columns: Float[Array, "rows columns"]
    exposed: Exposed | None
    height: Float[Array, ""]


def sheet_of(
    experiment: Experiment, scene: Scene, ray: RayTable, spot: Spot, around: Around, frame: Frame, size: SpotSize
) -> Sheet:
    """The sheet of one spot, for a source of weight one.

    Args:
        experiment, scene: as the pixels see them, see ``nbjax.pipeline.view.seen_by``.
        ray: row of the table.
        spot: from ``spot_of``.
        around: what all spots share.
        frame: of the spot.
        size: of the box.
    """
    dtype = precision.policy(experiment.precision).intensity
    # as far as the spot: pixels may be many times wider, and no polynomial follows it there
    length, width = jnp.maximum(frame.reach_along, _LEAST_REACH), jnp.maximum(frame.reach_across, _LEAST_REACH)
    points = _points(frame, length, width)
    seen, beyond = seen_at(experiment, scene, ray, spot, around, *points), None
    if experiment.grid.resolution_cut:
        beyond = surface(jax.lax.stop_gradient(beyond_at(experiment, scene, ray, spot, around, *points)), dtype)
    rows, columns = frame.pixels(size.half_length, size.half_width)
    middle = rows + 0.5
    # the distance from the spot's line is small where the index of a pixel is large
    off_rows, off_columns = middle - frame.along, columns + 0.5 - frame.line(middle)[:, None]
    # what is slow is that of the middle of each pixel, wherever in it the spot is
    whole_length, whole_width = frame.length + 1, frame.width + 1
    factor = factor_at(experiment, scene, ray, *_points(frame, whole_length, whole_width))
    sheet = Sheet(
        seen=tuple(surface(part, dtype) for part in seen),
        beyond=beyond,
        rows=off_rows / length,
        columns=off_columns / width,
        shift_along=1 / length,
        shift_across=1 / width,
        lean=frame.lean,
        factor=surface(factor, dtype),
        factor_rows=jnp.clip(off_rows / whole_length, -1, 1),
        factor_columns=jnp.clip(off_columns / whole_width, -1, 1),
        exposed=None if around.axis is None else exposed_of(spot),
        height=spot.height,
    )
    narrowed: Sheet = jax.tree.map(lambda leaf: leaf.astype(dtype), sheet)
    return narrowed


def _points(frame: Frame, length: Array, width: Array) -> tuple[Array, Array]:
    """(slow, fast) of the points at which functions are evaluated over a frame."""
    points = jnp.asarray(POINTS, frame.along.dtype)
    at = jnp.broadcast_to((frame.along + length * points)[:, None], (len(points),) * 2)
    return frame.point(at, frame.line(at) + width * points)


def photons_of(sheet: Sheet, nodes: int) -> Float[Array, "rows columns spots"]:
    """The pixels of boxes in electrons squared times steradians.

    Args:
        sheet: of many spots.
        nodes: in each direction, at which a pixel is integrated.
    """
    dtype = sheet.height.dtype
    places, weights = np.polynomial.legendre.leggauss(nodes)
    # of node along, node across, row, column, spot
    deep, wide = (-1, 1, 1, 1, 1), (-1, 1, 1, 1)
    along_node, across_node = (jnp.asarray(places / 2, dtype).reshape(shape) for shape in (deep, wide))
    x = sheet.rows[:, None] + along_node * sheet.shift_along
    y = sheet.columns + (across_node - sheet.lean * along_node) * sheet.shift_across
    reached = (jnp.abs(x) <= 1) & (jnp.abs(y) <= 1)
    x, y = jnp.clip(x, -1, 1), jnp.clip(y, -1, 1)
    # one for all nodes across and columns
    parts = sheet.seen if sheet.beyond is None else (*sheet.seen, sheet.beyond)
    lines = apart(lambda parts, x: [along(part, x) for part in parts], parts, x)
    seen = [across(line, y) for line in lines]
    if sheet.beyond is not None:
        reached &= seen.pop() <= 0
    value = jnp.exp(-seen[0]) if sheet.exposed is None else shown(sheet.exposed, *seen)
    weight_along, weight_across = (jnp.asarray(weights / 2, dtype).reshape(shape) for shape in (deep, wide))
    inside = jnp.where(reached, weight_along * weight_across * value, 0).sum((0, 1))
    factor = across(along(sheet.factor, sheet.factor_rows[:, None]), sheet.factor_columns)
    return factor * inside * sheet.height
