"""The capacity that an experiment's closed crystals need: counted once, outside of what is compiled."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from nbjax.errors import ArgumentError
from nbjax.experiment import CrystalParameters, Experiment, chosen
from nbjax.geometry.unit_cell import direct_vectors_m
from nbjax.pipeline.closed.crossing import range_rad
from nbjax.pipeline.closed.frame import frame_of, narrowest
from nbjax.pipeline.closed.image import closed_scene, is_closed, spots_of_near
from nbjax.pipeline.closed.listing import Count, Listed
from nbjax.pipeline.closed.parts import padded
from nbjax.pipeline.closed.reach import longest_seen_per_m
from nbjax.pipeline.closed.search import all_near
from nbjax.pipeline.closed.spread import BeamSpread
from nbjax.pipeline.compilation import compiled
from nbjax.pipeline.scene import Scene
from nbjax.sampling.capacity import MOST_NODES, Capacity, SpotSize

_SPARE = 1.25
"""Times as many spots as were counted."""
_AT_ONCE = 1024
"""Reflections whose spots are counted at once, so that one program counts all."""
_WINDOW_RAD = math.radians(1.0)
"""Of a longer rotation, the parts that are taken apart."""
Triple = tuple[int, int, int]
_MOST_SIZES = 4
_MOST_PIXELS = 1 << 26
"""Of the box of a spot."""
_WORTH = 0.08
"""The part of the work that another size must save."""
_PIXEL_NODES = 6
"""Nodes that cost as much as a pixel does without them."""


def with_capacity(experiment: Experiment, spare: float = _SPARE, reach: float = 1.0) -> Experiment:
    """The experiment with closed crystals that have room for their spots.

    Args:
        experiment: of numbers, not traced ones.
        spare: times as many spots as there are.
        reach: times as far into reciprocal space as the detector sees, for detectors that will come nearer.
    """
    return with_shared_capacity([experiment], spare, reach)[0]


def with_shared_capacity(
    experiments: Sequence[Experiment], spare: float = _SPARE, reach: float = 1.0
) -> tuple[Experiment, ...]:
    """Experiments of equal structure, with room for the spots of each of them, so that they keep sharing programs.

    Args:
        experiments: one or more.
        spare, reach: as for ``with_capacity``.
    """
    return _with_capacity(experiments, lambda number: _capacity(_all_needs(experiments, number, reach), spare))


def with_kept_capacity(experiments: Sequence[Experiment], spare: float, reach: float) -> tuple[Experiment, ...]:
    """The same; what shared room there is already is kept where it is enough for all of them."""

    def room(number: int) -> Capacity:
        needs, there = _all_needs(experiments, number, 1.0), experiments[0].crystals[number].capacity
        if there is not None and all(_is_enough(there, one) for one in needs):
            return there
        return _capacity(_all_needs(experiments, number, reach), spare)

    return _with_capacity(experiments, room)


def _with_capacity(experiments: Sequence[Experiment], room: Callable[[int], Capacity]) -> tuple[Experiment, ...]:
    """Experiments with room for each closed crystal, by its number."""
    crystals = experiments[0].crystals
    if not any(map(is_closed, crystals)):
        return tuple(experiments)
    rooms = [room(number) if is_closed(crystal) else None for number, crystal in enumerate(crystals)]
    return tuple(with_rooms(experiment, rooms) for experiment in experiments)


def with_rooms(experiment: Experiment, rooms: Sequence[Capacity | None]) -> Experiment:
    """The experiment with a capacity for each of its crystals, None for those that are sampled."""
    pairs = zip(experiment.crystals, rooms, strict=True)
    return replace(experiment, crystals=tuple(replace(crystal, capacity=room) for crystal, room in pairs))


@dataclass(frozen=True)
class _Needs:
    """What a crystal was counted to have; attributes as of ``Capacity``, without room to spare.

    Attributes:
        sizes_px: half length, half width and narrowest standard deviation of every spot, shape (spots, 3).
        exact: whether its spots are smeared by nothing but its size.
    """

    lowest: Triple
    sizes: Triple
    longest_per_m: float
    blocks: int
    near: int
    excited: int
    seen: int
    windows: int
    sizes_px: np.ndarray
    exact: bool


def _all_needs(experiments: Sequence[Experiment], number: int, reach: float) -> list[_Needs]:
    """What a crystal needs in each of some experiments."""
    with jax.enable_x64(True):
        held = [jax.tree.map(jnp.asarray, experiment) for experiment in experiments]
        return [_needs(experiment, experiment.crystals[number], reach) for experiment in held]


def _needs(experiment: Experiment, crystal: CrystalParameters, reach: float) -> _Needs:
    (alone, spread, scene), seen_per_m = _seen(_bare(experiment))
    longest = _longer(float(seen_per_m)) * reach
    lowest, sizes = index_box(longest, crystal)
    crystal = replace(crystal, capacity=None)
    near, blocks = all_near(crystal, scene.rays, spread, (lowest, sizes), longest)
    windows = max(1, math.ceil(abs(float(range_rad(crystal.spindle))) / _WINDOW_RAD - 1e-9))
    most, on_panels, found = _counted(partial(_survey, alone, spread, scene, crystal, windows), near)
    exact = _is_exact(spread, crystal)
    return _Needs(lowest, sizes, longest, blocks, len(near), most, on_panels, windows, found, exact)


def _capacity(needs: Sequence[_Needs], spare: float) -> Capacity:
    """Room for each of several."""
    first = np.min([one.lowest for one in needs], 0)
    end = np.max([np.add(one.lowest, one.sizes) for one in needs], 0)
    most = np.max([(one.blocks, one.near, one.excited, one.seen) for one in needs], 0)
    blocks, near, excited, seen = (bucket(int(count), spare) for count in most)
    spots = _sizes([one.sizes_px for one in needs], any(one.exact for one in needs), spare)
    _check_sizes(spots)
    return Capacity(
        _triple(first),
        _triple(end - first),
        max(one.longest_per_m for one in needs),
        blocks,
        near,
        excited,
        seen,
        max(one.windows for one in needs),
        spots,
    )


def _is_enough(capacity: Capacity, needs: _Needs) -> bool:
    """Whether a capacity has room for all that was counted."""
    ends = np.add(capacity.lowest, capacity.sizes) - np.add(needs.lowest, needs.sizes)
    searched = (np.subtract(needs.lowest, capacity.lowest) >= 0).all() and (ends >= 0).all()
    counts = (
        (capacity.longest_per_m, needs.longest_per_m),
        (capacity.blocks, needs.blocks),
        (capacity.near, needs.near),
        (capacity.excited, needs.excited),
        (capacity.seen, needs.seen),
    )
    left = np.ones(len(needs.sizes_px), bool)
    for size in capacity.spots:
        fits = left & size.holds(*needs.sizes_px.T)
        left[np.flatnonzero(fits)[: size.count]] = False
    enough = searched and all(has >= wants for has, wants in counts) and not left.any()
    return bool(enough) and capacity.windows == needs.windows


def _triple(numbers: np.ndarray) -> Triple:
    return int(numbers[0]), int(numbers[1]), int(numbers[2])


def _counted(survey: Callable[[np.ndarray, int], tuple[Count, Array]], near: np.ndarray) -> tuple[int, int, np.ndarray]:
    """The most excited reflections and spots of a source and window, and the size of each spot, shape (spots, 3).

    Args:
        survey: of some reflections, and of how many.
        near: reflections that may reflect.
    """
    counts, found = [], [np.zeros((0, 3))]
    for first in range(0, len(near), _AT_ONCE):
        part = near[first : first + _AT_ONCE]
        count, sizes = jax.tree.map(np.asarray, survey(padded(part, _AT_ONCE), len(part)))
        counts.append((count.excited, count.seen))
        found.append(sizes[sizes[..., 0] > 0])
    most, on_panels = np.sum(counts, 0).max(-1) if counts else (0, 0)
    return int(most), int(on_panels), np.concatenate(found)


def _is_exact(spread: BeamSpread, crystal: CrystalParameters) -> bool:
    """Whether a crystal's spots are smeared by nothing but its size."""
    disorder = crystal.disorder
    widths = [] if disorder is None else [disorder.mosaicity_rad, disorder.cell_spread]
    smeared = [*widths, spread.bandwidth, spread.directions, range_rad(crystal.spindle)]
    return not any(np.any(np.asarray(width)) for width in smeared)


def bucket(count: int, spare: float = _SPARE) -> int:
    """A size of an array with room to spare; few, so that series of images compile once."""
    wanted = max(16, math.ceil(spare * count))
    power = 1 << (wanted - 1).bit_length()
    return power * 3 // 4 if wanted <= power * 3 // 4 else power


def index_box(longest: float, crystal: CrystalParameters) -> tuple[Triple, Triple]:
    """The Miller indices that the detector may show: the first, and how many there are."""
    lengths = np.linalg.norm(np.asarray(_direct(crystal)), axis=1)
    reach = np.ceil(longest * lengths).astype(int) + 1
    low, high = -reach, reach
    factors = crystal.factors
    if factors.values is not None and float(np.asarray(factors.default)) == 0:
        first = np.array(factors.minimum)
        last = first + np.array(factors.values.shape[-3:]) - 1
        low, high = np.maximum(low, first), np.minimum(high, last)
    sizes = np.maximum(high - low + 1, 1)
    return _triple(low), _triple(sizes)


def longest_per_m(experiment: Experiment) -> float:
    """The longest scattering vector that a pixel sees, or a little longer: the same for detectors nearly the same."""
    return _longer(float(_seen(_bare(experiment))[1]))


def _longer(longest: float) -> float:
    return float(1.05 ** math.ceil(math.log(longest, 1.05) + 0.5))


def _bare(experiment: Experiment) -> Experiment:
    """The experiment without all that a detector's reach does not depend on."""
    return replace(chosen(experiment, crystals=(), backgrounds=()), mask=None)


_direct = compiled(lambda crystal: direct_vectors_m(crystal.cell))


@compiled
def _seen(experiment: Experiment) -> tuple[tuple[Experiment, BeamSpread, Scene], Array]:
    """See ``closed_scene``; and the longest scattering vector that a pixel sees."""
    alone, spread, scene = closed_scene(experiment)
    return (alone, spread, scene), longest_seen_per_m(alone, scene)


@partial(compiled, static_argnames=("windows",))
def _survey(
    alone: Experiment,
    spread: BeamSpread,
    scene: Scene,
    crystal: CrystalParameters,
    windows: int,
    near: Float[Array, "near 3"],
    number: Any,
) -> tuple[Count, Array]:
    """For every source and window: how many spots there are, and the size of each; zeros for none."""
    excited = len(near) * (1 if crystal.spindle.steps == 1 else 2)
    seen = excited * min(2, alone.grid.panels)
    capacity = Capacity((0, 0, 0), (0, 0, 0), 0.0, 0, 0, excited, seen, windows, ())
    listed, count = spots_of_near(alone, scene, spread, crystal, capacity, (near, number))

    def sizes_of(listed: Listed) -> Array:
        frame = frame_of(listed.centre, listed.covariance, listed.arc, capacity.cut)
        return jnp.stack([frame.length, frame.width, narrowest(listed.covariance)])

    sizes = jax.vmap(jax.vmap(sizes_of))(listed)
    shown = jnp.arange(sizes.shape[1]) < count.seen[:, None]
    return count, jnp.where(shown[..., None], sizes, 0)


def _sizes(spots: Sequence[np.ndarray], exact: bool, spare: float) -> tuple[SpotSize, ...]:
    """A few sizes of boxes, each with room for as many spots as fit in none that is cheaper.

    One size for all is split where that saves the most, and so on.

    Args:
        spots: half length, half width and narrowest standard deviation of every spot of an image, shape (spots, 3), of
            one or several images.
        exact: whether nothing but the pixels is approximated.
        spare: times as many spots as an image has at most.
    """
    found = np.concatenate(spots)
    if not len(found):
        return (SpotSize(4, 4, 2, 16),)
    wants = np.stack([_half(found[:, 0]), _half(found[:, 1]), _nodes(found[:, 2], exact)], -1)
    groups = [np.ones(len(wants), bool)]
    while len(groups) < _MOST_SIZES:
        splits = [
            (_cost(wants[group]) - _cost(wants[low]) - _cost(wants[group & ~low]), number, low)
            for number, group in enumerate(groups)
            for way in range(3)
            for edge in np.unique(wants[group, way])[:-1]
            for low in [group & (wants[:, way] <= edge)]
        ]
        saved, number, low = max(splits, key=lambda split: split[0], default=(0, 0, None))
        if low is None or saved < _WORTH * sum(_cost(wants[group]) for group in groups):
            break
        groups[number : number + 1] = [low, groups[number] & ~low]
    limits = sorted((wants[group].max(0) for group in groups), key=lambda limit: _price(limit))
    left, sizes = np.ones(len(wants), bool), []
    ends, most = np.cumsum([len(own) for own in spots])[:-1], max(map(len, spots))
    for length, width, nodes in limits:
        size = SpotSize(int(length), int(width), int(nodes), 0)
        fits = left & size.holds(*found.T)
        left &= ~fits
        sizes.append(replace(size, count=bucket(max(int(own.sum()) for own in np.split(fits, ends)), spare)))
    if spare > _SPARE:
        # spots of other images may be larger or narrower than all of these
        length, width, nodes = wants.max(0)
        rest = SpotSize(int(2 * length), int(2 * width), int(min(2 * nodes, MOST_NODES)), bucket(most // 8))
        sizes.append(rest)
    return tuple(sizes)


def _check_sizes(spots: Sequence[SpotSize]) -> None:
    largest = max(spots, key=lambda size: size.pixels)
    if largest.pixels > _MOST_PIXELS:
        along, across = 2 * largest.half_length + 1, 2 * largest.half_width + 1
        raise ArgumentError(
            f"a spot of the closed crystals has some {along} x {across} pixels, more than an image: the panel lies "
            'along its ray, or the spot is as wide; set the detector across the rays, or take crystal.model = "sampled"'
        )


def _price(limit: np.ndarray) -> float:
    """Work for a spot."""
    length, width, nodes = map(float, limit)
    return float((2 * length + 1) * (2 * width + 1) * (nodes**2 + _PIXEL_NODES))


def _cost(wants: np.ndarray) -> float:
    return len(wants) * _price(wants.max(0))


def _half(pixels: np.ndarray) -> np.ndarray:
    """Half sizes with a little room, of few that there are."""
    wanted = np.maximum(2, np.ceil(1.05 * pixels)).astype(int)
    step = 1 << np.maximum(0, np.floor(np.log2(wanted)).astype(int) - 2)
    return -(-wanted // step) * step


def _nodes(sigma: np.ndarray, exact: bool) -> np.ndarray:
    """Few counts of nodes, the next larger one that integrates a spot to 3e-4 of its brightest pixel.

    To 5e-7 if the spot is exact but for that.
    """
    counts = np.array([2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32, 48, MOST_NODES])
    wanted = (1.35 if exact else 1.05) / np.maximum(sigma, 1e-3) + (2.6 if exact else 1)
    return counts[np.minimum(np.searchsorted(counts, wanted), len(counts) - 1)]
