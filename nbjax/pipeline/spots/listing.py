"""Which spots a crystal has: reflections near the Ewald sphere whose rays meet a panel."""

from __future__ import annotations

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Int

from nbjax.experiment import Experiment
from nbjax.geometry.goniometer import Spindle
from nbjax.geometry.panel import Panel
from nbjax.numerics import components
from nbjax.pipeline.closed.crossing import Passage, excess_of, passages, range_rad
from nbjax.pipeline.closed.listing import placed
from nbjax.pipeline.closed.parts import picked
from nbjax.pipeline.closed.search import near_reflections, places_of
from nbjax.pipeline.closed.spread import upright, variance_along
from nbjax.pipeline.sample import is_kept
from nbjax.pipeline.scene import Scene
from nbjax.pipeline.spots.equivalent import Equivalent
from nbjax.pipeline.spots.section import Section, section_of
from nbjax.sampling.capacity import CUT, Capacity


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Rows:
    """Which reflections, in which part of the rotation, and on which panel."""

    hkl: Float[Array, "n 3"]
    passage: Passage
    panel: Int[Array, " n"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Number:
    """How many there are, for as many of which there may be no room.

    Attributes:
        blocks: cubes of reflections that are searched.
        near: reflections that may come near the sphere.
        excited: of these, how many reflect, counted once for each passage.
        spots: of these, how many meet a panel; more than there is room for if that is so of any of the others.
    """

    blocks: Int[Array, ""]
    near: Int[Array, ""]
    excited: Int[Array, ""]
    spots: Int[Array, ""]


def listed_rows(seen: Equivalent, capacity: Capacity, margin_px: Float[Array, ""] | float = 0.0) -> tuple[Number, Rows]:
    """The spots, of which those after their number mean nothing."""
    hkl, near, blocks = near_reflections(seen.crystal, seen.scene.rays, seen.spread, capacity)
    room = capacity.excited, capacity.seen
    excited, count, listed = rows_of_near(seen, (hkl, near), margin_px, capacity.windows, room, capacity.cut)
    number = Number(blocks, near, excited, count)
    full = (blocks > capacity.blocks) | (near > capacity.near) | (excited > capacity.excited)
    # what was not looked at may be a spot
    return replace(number, spots=jnp.where(full, jnp.maximum(count, capacity.seen + 1), count)), listed


def rows_of_near(
    seen: Equivalent,
    near: tuple[Float[Array, "near 3"], Int[Array, ""] | int],
    margin_px: Float[Array, ""] | float,
    turns: int,
    room: tuple[int, int],
    cut: float = CUT,
) -> tuple[Int[Array, ""], Int[Array, ""], Rows]:
    """How many reflections are excited, how many spots they have, and these, as far as there is room.

    Args:
        seen: what lights them up.
        near: reflections that may come near the sphere, and their number.
        margin_px: how far off a panel the middle of a spot may lie.
        turns: half turns that the exposure begins.
        room: for excited reflections and for spots.
        cut: standard deviations up to which a reflection is excited.
    """
    crystal, (hkl, number) = seen.crystal, near
    both = passages_of(seen, hkl, turns + 1)
    parts = both.angle_rad.shape[1]
    passage: Passage = jax.tree.map(lambda leaf: leaf.reshape(-1), both)
    rows = jnp.repeat(hkl, parts, axis=0)
    valid = jnp.arange(len(rows)) < parts * number
    if not seen.is_still:
        valid &= passage.end_rad > passage.start_rad
    near_sphere = jax.vmap(lambda i, p: _is_excited(seen, i, p, cut))(rows, passage)
    found, excited = places_of(valid & near_sphere, room[0])
    listed: Rows = picked(Rows(rows, passage, jnp.zeros(len(rows), jnp.int32)), found)
    standing = upright(crystal)

    def section(hkl: Array, passage: Passage) -> Section:
        return section_of(seen, standing.at(passage.angle_rad), hkl, passage)

    cuts = jax.vmap(section)(listed.hkl, listed.passage)
    panel = panels_met(seen.experiment, seen.scene, cuts.diffracted, margin_px)
    shown = (jnp.arange(len(found)) < excited) & (panel >= 0) & is_kept(seen.experiment, components(cuts.star))
    found, count = places_of(shown, room[1])
    return excited, count, picked(replace(listed, panel=panel), found)


def _is_excited(seen: Equivalent, hkl: Float[Array, "3"], passage: Passage, cut: float) -> Bool[Array, ""]:
    lattice = upright(seen.crystal).at(passage.angle_rad)
    leaving = seen.incident / seen.wavelength_m + hkl @ lattice.stars
    length = jnp.linalg.norm(leaving)
    variance = variance_along(lattice, seen.spread, seen.wavelength_m, hkl, leaving / length)
    return jnp.abs(length - 1 / seen.wavelength_m) <= cut * jnp.sqrt(variance)


def passages_of(seen: Equivalent, hkl: Float[Array, "n 3"], parts: int) -> Passage:
    """All passages of reflections, shape (n, parts); the only one of a still is its angle."""
    if seen.is_still:
        at = jnp.full((len(hkl), 1), seen.crystal.spindle.start_rad)
        return Passage(at, at, at)
    axis, (start, end) = seen.crystal.spindle.axis, seen.window_rad
    stars = hkl @ upright(seen.crystal).at(jnp.zeros_like(start)).stars

    def of_star(star: Array) -> Passage:
        return passages(excess_of(star, axis, seen.incident, seen.wavelength_m), (start, end), parts)

    found: Passage = jax.vmap(of_star)(stars)
    return found


def shares(seen: Equivalent, hkl: Float[Array, "n 3"], half_turns: int) -> Float[Array, " n"]:
    """Partiality of reflections, the sum over all of their passages.

    Args:
        seen: what lights them up.
        hkl: Miller indices.
        half_turns: of the exposure, the next whole number.
    """

    def of_passage(hkl: Array, passage: Passage) -> Array:
        return section_of(seen, upright(seen.crystal).at(passage.angle_rad), hkl, passage).share

    return jax.vmap(jax.vmap(of_passage, (None, 0)))(hkl, passages_of(seen, hkl, half_turns + 1)).sum(-1)


def half_turns(spindle: Spindle) -> int:
    """Half turns that an exposure begins, of numbers."""
    if spindle.steps == 1:
        return 1
    return int(abs(float(range_rad(jax.tree.map(jnp.asarray, spindle)))) / np.pi) + 1


def panels_met(
    experiment: Experiment, scene: Scene, directions: Float[Array, "n 3"], margin_px: Float[Array, ""] | float = 0.0
) -> Int[Array, " n"]:
    """The panel that each ray meets first, of those that it passes by within the margin else, or -1."""
    at, along = placed_on_all(experiment, scene, directions)
    outside = jnp.maximum(-at, at - _panel_sizes(experiment)[:, None]).max(-1)

    def first(on: Array) -> Array:
        return jnp.where(on.any(0), jnp.where(on, along, jnp.inf).argmin(0), -1).astype(jnp.int32)

    met = first((along > 0) & (outside < 0))
    return jnp.where(met >= 0, met, first((along > 0) & (outside < margin_px)))


def placed_on_all(
    experiment: Experiment, scene: Scene, directions: Float[Array, "n 3"]
) -> tuple[Float[Array, "panels n 2"], Float[Array, "panels n"]]:
    """Pixels (fast, slow) where rays meet the plane of each panel, and how far along them."""
    panels = experiment.detector.panels
    of_panels = (scene.panel, panels.pixel_sizes_m, scene.rays.depth.mean() * panels.thickness_m)
    if experiment.grid.panels == 1:
        of_panels = jax.tree.map(lambda leaf: leaf[None], of_panels)

    def of_panel(own: tuple[Panel, tuple[Array, Array], Array]) -> tuple[Array, Array]:
        return jax.vmap(lambda direction: placed(*own, direction))(directions)

    return jax.vmap(of_panel)(of_panels)


def _panel_sizes(experiment: Experiment) -> Float[Array, "panels 2"]:
    """(fast, slow) pixels of each panel; of several, up to the last that is not masked."""
    grid = experiment.grid
    dtype = experiment.beam.wavelength_m.dtype
    if grid.panels == 1 or experiment.mask is None:
        return jnp.tile(jnp.asarray([grid.fast, grid.slow], dtype), (grid.panels, 1))
    used = experiment.mask > 0
    ends = [(used.any(axis) * jnp.arange(1, used.shape[3 - axis] + 1)).max(-1) for axis in (1, 2)]
    return jnp.stack(ends, -1).astype(dtype)
