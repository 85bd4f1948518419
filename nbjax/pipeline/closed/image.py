"""The image of crystals in closed form: spots are listed, integrated over the pixels about them, and added up."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float, Int

from nbjax import precision
from nbjax.experiment import CrystalParameters, Experiment, chosen
from nbjax.fields import STATIC
from nbjax.physics.structure_factor import StructureFactors
from nbjax.pipeline.accumulate import orientation_weight
from nbjax.pipeline.closed.box import Places, Smooth, photons_of, places_of_pixels, smooth_of
from nbjax.pipeline.closed.frame import frame_of, narrowest
from nbjax.pipeline.closed.listing import Count, Listed, listed_spots
from nbjax.pipeline.closed.parts import in_parts, picked
from nbjax.pipeline.closed.reach import is_beyond, longest_seen_per_m
from nbjax.pipeline.closed.search import near_reflections, places_of, window_angles
from nbjax.pipeline.closed.spot import Around, spot_of
from nbjax.pipeline.closed.spread import BeamSpread, closed_beam
from nbjax.pipeline.scene import CrystalScene, RayTable, Scene, beam_share, build_scene, mosaic_blocks
from nbjax.pipeline.screens import transmission
from nbjax.pipeline.view import Pixels, seen_by
from nbjax.pipeline.window import pixels_at
from nbjax.sampling.capacity import Capacity, SpotSize

_AT_ONCE = 1 << 9, 1 << 14
"""Pixels of spots that are computed at once, at least and at most."""
_LANES = 16
"""Numbers that a processor computes at once, or a multiple."""
_PARTS = 32
"""Parts of the room for spots, of which those that hold none cost nothing."""


def is_closed(crystal: CrystalParameters) -> bool:
    """Whether the crystal's averages are taken in closed form."""
    return crystal.model == "closed"


def sampled_part(experiment: Experiment) -> Experiment:
    """The experiment without its closed crystals.

    Raises:
        ConfigError: there are such, and 64-bit floats are switched off in JAX.
    """
    if not any(map(is_closed, experiment.crystals)):
        return experiment
    precision.check_closed(experiment.precision)
    return chosen(experiment, [number for number, one in enumerate(experiment.crystals) if not is_closed(one)])


def add_spots(experiment: Experiment, image: Float[Array, "*image"]) -> Float[Array, "*image"]:
    """The image with the spots of the closed crystals, in photons; the region of interest and the mask are kept to.

    All of it is NaN where a crystal has more or larger spots than its capacity, or some that are not searched for.
    """
    crystals = [crystal for crystal in experiment.crystals if is_closed(crystal)]
    if not crystals:
        return image
    alone, spread, scene = closed_scene(experiment)
    grid = experiment.grid
    longest = jax.lax.stop_gradient(longest_seen_per_m(alone, scene))
    spots = jnp.zeros((grid.panels * grid.slow, grid.fast), precision.policy(experiment.precision).intensity)
    for crystal in crystals:
        spots, exceeded = _with_crystal(alone, scene, spread, crystal, spots)
        assert crystal.capacity is not None
        exceeded |= is_beyond(longest, jax.lax.stop_gradient(crystal), crystal.capacity)
        spots = jnp.where(exceeded, jnp.nan, spots)
    photons = (scene.photons_per_sr_per_electron * spots).reshape(image.shape)
    first_fast, end_fast, first_slow, end_slow = grid.roi
    if grid.roi_shape != (grid.slow, grid.fast):
        shown = jnp.zeros(image.shape[-2:], bool).at[first_slow:end_slow, first_fast:end_fast].set(True)
        photons = jnp.where(shown, photons, 0)
    if experiment.mask is not None:
        photons = jnp.where(experiment.mask > 0, photons, 0)
    return image + photons


def closed_scene(experiment: Experiment) -> tuple[Experiment, BeamSpread, Scene]:
    """The experiment without crystals and seen from the middles of its pixels, its scene, and the spread of sources."""
    sources, spread = closed_beam(experiment.beam)
    alone = replace(
        chosen(experiment, crystals=(), backgrounds=()),
        beam=replace(experiment.beam, sources=sources),
        grid=replace(experiment.grid, oversample=1),
    )
    return alone, spread, build_scene(alone)


def _with_crystal(
    experiment: Experiment, scene: Scene, spread: BeamSpread, crystal: CrystalParameters, image: Array
) -> tuple[Float[Array, "rows fast"], Bool[Array, ""]]:
    """The image with a crystal's spots, and whether they are more or larger than allowed for."""
    capacity = crystal.capacity
    assert capacity is not None
    crystal = replace(crystal, factors=_in_intensity(crystal.factors, experiment.precision))
    frozen = jax.lax.stop_gradient((experiment, scene, spread, crystal))
    listed, count, exceeded = spots_of_all(*frozen, capacity)
    groups, too_large = sorted_by_size(listed, count, capacity)
    exceeded |= too_large
    shared = orientation_weight(
        CrystalScene(
            jnp.zeros((1, 3, 3)), crystal.factors, mosaic_blocks(crystal), beam_share(experiment.beam, crystal)
        )
    )
    rotates = crystal.spindle.steps > 1
    cell_spread = None if crystal.disorder is None else crystal.disorder.cell_spread
    around = Around(spread, cell_spread, crystal.spindle.axis if rotates else None)
    rendered = _Rendered(experiment, scene, spread, around, capacity.cut)
    flat = image.reshape(-1)
    whole = jax.tree.map(lambda *parts: jnp.concatenate(parts), *(group for group, _ in groups))
    used = jnp.concatenate(
        [jnp.arange(size.count) < found for size, (_, found) in zip(capacity.spots, groups, strict=True)]
    )
    # made again for derivatives: what they need of it is many times larger
    smooth = in_parts(jax.checkpoint(partial(_smooth, rendered, crystal, shared)), whole, used)
    first = 0
    for size, (group, found) in zip(capacity.spots, groups, strict=True):
        own = jax.tree.map(lambda leaf: leaf[first : first + size.count], smooth)  # noqa: B023
        flat = _with_group(rendered, size, (group, own), found, flat)
        first += size.count
    return flat.reshape(image.shape), exceeded


def _in_intensity(factors: StructureFactors, policy: str) -> StructureFactors:
    """Structure factors in the type of the intensity."""
    dtype = precision.policy(policy).intensity
    values = None if factors.values is None else factors.values.astype(dtype)
    return replace(factors, values=values, default=factors.default.astype(dtype))


def spots_of_all(
    experiment: Experiment, scene: Scene, spread: BeamSpread, crystal: CrystalParameters, capacity: Capacity
) -> tuple[Listed, Count, Bool[Array, ""]]:
    """Spots of every source, sensor layer and window, with one more axis in front; and whether there are too many."""
    hkl, found, blocks = near_reflections(crystal, scene.rays, spread, capacity)
    listed, count = spots_of_near(experiment, scene, spread, crystal, capacity, (hkl, found))
    many = (found > capacity.near) | (blocks > capacity.blocks)
    many |= (count.excited > capacity.excited).any() | (count.seen > capacity.seen).any()
    return listed, count, many


def spots_of_near(
    experiment: Experiment,
    scene: Scene,
    spread: BeamSpread,
    crystal: CrystalParameters,
    capacity: Capacity,
    near: tuple[Float[Array, "near 3"], Int[Array, ""]],
) -> tuple[Listed, Count]:
    """As ``spots_of_all``, of reflections that may reflect, and their number."""
    rays, windows = scene.rays, window_angles(crystal, capacity.windows)

    def of_pair(pair: tuple[RayTable, Array]) -> tuple[Listed, Count]:
        ray, window = pair
        return listed_spots(experiment, crystal, scene, spread, capacity, near, ray, window)

    pairs = (
        jax.tree.map(lambda leaf: jnp.repeat(leaf, len(windows), axis=0), rays),
        jnp.tile(windows, (len(rays.number), 1)),
    )
    listed: tuple[Listed, Count] = jax.lax.map(of_pair, pairs)
    return listed


def sorted_by_size(
    listed: Listed, count: Count, capacity: Capacity
) -> tuple[list[tuple[Listed, Int[Array, ""]]], Bool[Array, ""]]:
    """The spots of each size, in one list, with their number; and whether one is larger than all sizes."""
    left = (jnp.arange(listed.hkl.shape[1]) < count.seen[:, None]).reshape(-1)
    rows: Listed = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), listed)
    frames = jax.vmap(partial(frame_of, cut=capacity.cut))(rows.centre, rows.covariance, rows.arc)
    sigma = jax.vmap(narrowest)(rows.covariance)
    groups = []
    for size in capacity.spots:
        fits = left & size.holds(frames.length, frames.width, sigma)
        # what finds no room may find it among larger ones
        left &= ~(fits & (jnp.cumsum(fits) <= size.count))
        found, number = places_of(fits, size.count)
        groups.append((picked(rows, found), jnp.minimum(number, size.count)))
    return groups, left.any()


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class _Rendered:
    """What all spots of a crystal share."""

    experiment: Experiment
    scene: Scene
    spread: BeamSpread
    around: Around
    cut: float = field(metadata=STATIC)


def _with_group(
    rendered: _Rendered, size: SpotSize, group: tuple[Listed, Smooth], count: Int[Array, ""], image: Float[Array, " n"]
) -> Float[Array, " n"]:
    """The image, its rows one after the other, with the spots of one size."""
    few, many = (max(1, pixels // size.pixels) for pixels in _AT_ONCE)
    chunk = _LANES * max(1, min(size.count, max(few, min(many, size.count // _PARTS))) // _LANES)
    chunks = -(-size.count // chunk)
    numbers = jnp.arange(chunks * chunk)
    rows = picked(group, jnp.where(numbers < count, numbers, 0))
    spots = jax.tree.map(lambda leaf: leaf.reshape(chunks, chunk, *leaf.shape[1:]), (rows, numbers < count))

    def add_chunk(image: Array, part: tuple[Array, tuple[tuple[Listed, Smooth], Array]]) -> tuple[Array, None]:
        start, spots = part

        def added(image: Array) -> Array:
            (rows, smooth), valid = spots
            place, let_through, places = jax.vmap(partial(_box, rendered, size), out_axes=-1)(rows, valid)
            smooth = jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 0, -1), smooth)
            photons = photons_of(smooth, places, size.nodes) * let_through
            return image.at[place.reshape(-1)].add(photons.reshape(-1).astype(image.dtype), mode="drop")

        # nothing is computed for room that is not used
        return jax.lax.cond(start < count, added, lambda image: image, image), None

    first = chunk * jnp.arange(chunks)
    return jax.lax.scan(jax.checkpoint(add_chunk, prevent_cse=False), image, (first, spots))[0]


def _smooth(rendered: _Rendered, crystal: CrystalParameters, weight: Array | float, listed: Listed) -> Smooth:
    """What is smooth over a spot, with the weight of its source and crystal."""
    around, ray = rendered.around, picked(rendered.scene.rays, listed.ray)
    factors = crystal.factors.seen_at(ray.wavelength_m)
    spot = spot_of(crystal, factors, rendered.spread, ray.incident, ray.wavelength_m, listed.hkl, listed.passage)
    spot = replace(spot, height=spot.height * weight * ray.weight)
    frame = frame_of(listed.centre, listed.covariance, listed.arc, rendered.cut)
    own, seen, _ = _seen_by_own(rendered, listed.panel, *frame.point(frame.along, frame.across))
    return smooth_of(own, seen, ray, spot, around, frame)


def _box(rendered: _Rendered, size: SpotSize, spot: Listed, valid: Array) -> tuple[Array, Array, Places]:
    """Places in the image of the pixels of a spot, past its end where there is none, what of their photons comes to
    them, and where on the spot they are.
    """
    grid = rendered.experiment.grid
    frame = frame_of(spot.centre, spot.covariance, spot.arc, rendered.cut)
    rows, columns = frame.pixels(size.half_length, size.half_width)
    slow, fast = frame.point(*jnp.broadcast_arrays(rows[:, None], columns))
    inside = valid & (slow >= 0) & (slow < grid.slow) & (fast >= 0) & (fast < grid.fast)
    own, seen, at = _seen_by_own(rendered, spot.panel, slow, fast)
    places = places_of_pixels(frame, size, precision.policy(own.precision).intensity)
    panel = 0 if grid.panels == 1 else spot.panel
    place = (panel * grid.slow + slow) * grid.fast + fast
    let_through = jnp.where(inside, transmission(own, seen, at), 0).astype(places.columns.dtype)
    return jnp.where(inside, place, grid.panels * grid.slow * grid.fast), let_through, places


def _seen_by_own(rendered: _Rendered, panel: Array, slow: Array, fast: Array) -> tuple[Experiment, Scene, Pixels]:
    """See ``seen_by``, of pixels of one panel."""
    experiment = rendered.experiment
    on = None if experiment.grid.panels == 1 else panel
    return seen_by(experiment, rendered.scene, pixels_at(experiment, on, slow, fast))
