"""Which spots a crystal has: reflections near the Ewald sphere whose rays meet a panel."""

from __future__ import annotations

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float, Int

from nbjax.experiment import Experiment
from nbjax.geometry.panel import Panel
from nbjax.numerics import components
from nbjax.pipeline.closed.crossing import Passage, excess_of, passages
from nbjax.pipeline.closed.search import near_reflections, places_of
from nbjax.pipeline.closed.spread import lattice_at, variance_along
from nbjax.pipeline.sample import is_kept
from nbjax.pipeline.spots.equivalent import Equivalent
from nbjax.pipeline.spots.section import Section, section_of
from nbjax.sampling.capacity import Capacity


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


def listed_rows(seen: Equivalent, capacity: Capacity) -> tuple[Number, Rows]:
    """The spots, of which those after their number mean nothing."""
    crystal, rays = seen.crystal, seen.scene.rays
    hkl, near, blocks = near_reflections(crystal, crystal.factors, rays, seen.spread, capacity)
    if seen.is_still:
        at = jnp.full(len(hkl), crystal.spindle.start_rad)
        rows, passage, valid = hkl, Passage(at, at, at), jnp.arange(len(hkl)) < near
    else:
        parts = capacity.windows + 1
        rows, passage = jnp.repeat(hkl, parts, axis=0), _passages(seen, hkl, parts)
        valid = (jnp.arange(len(rows)) < parts * near) & (passage.end_rad > passage.start_rad)
    near_sphere = jax.vmap(lambda i, p: _is_excited(seen, i, p, capacity.cut))(rows, passage)
    found, excited = places_of(valid & near_sphere, capacity.excited)
    listed: Rows = jax.tree.map(lambda leaf: leaf[found], Rows(rows, passage, jnp.zeros(len(rows), jnp.int32)))

    def section(hkl: Array, passage: Passage) -> Section:
        return section_of(seen, lattice_at(crystal, passage.angle_rad), hkl, passage)

    cuts = jax.vmap(section)(listed.hkl, listed.passage)
    panel = _panels_met(seen, cuts.diffracted)
    shown = (jnp.arange(len(found)) < excited) & (panel >= 0) & is_kept(seen.experiment, components(cuts.star))
    found, count = places_of(shown, capacity.seen)
    listed = jax.tree.map(lambda leaf: leaf[found], replace(listed, panel=panel))
    number = Number(blocks, near, excited, count)
    full = (blocks > capacity.blocks) | (near > capacity.near) | (excited > capacity.excited)
    # what was not looked at may be a spot
    return replace(number, spots=jnp.where(full, jnp.maximum(count, capacity.seen + 1), count)), listed


def _is_excited(seen: Equivalent, hkl: Float[Array, "3"], passage: Passage, cut: float) -> Bool[Array, ""]:
    lattice = lattice_at(seen.crystal, passage.angle_rad)
    leaving = seen.incident / seen.wavelength_m + hkl @ lattice.stars
    length = jnp.linalg.norm(leaving)
    variance = variance_along(lattice, seen.spread, seen.wavelength_m, hkl, leaving / length)
    return jnp.abs(length - 1 / seen.wavelength_m) <= cut * jnp.sqrt(variance)


def _passages(seen: Equivalent, hkl: Float[Array, "n 3"], parts: int) -> Passage:
    """All passages of reflections, those of one after another."""
    axis, (start, end) = seen.crystal.spindle.axis, seen.window_rad
    stars = hkl @ lattice_at(seen.crystal, jnp.zeros_like(start)).stars

    def of_star(star: Array) -> Passage:
        return passages(excess_of(star, axis, seen.incident, seen.wavelength_m), (start, end), parts)

    found = jax.vmap(of_star)(stars)
    listed: Passage = jax.tree.map(lambda leaf: leaf.reshape(-1), found)
    return listed


def placed(
    panel: Panel, sizes_m: tuple[Array, Array], depth_m: Array, direction: Float[Array, "3"]
) -> tuple[Float[Array, "2"], Float[Array, ""]]:
    """Pixels (fast, slow) where a ray meets a panel's plane, and how far along it."""
    fast_m, slow_m, along = panel.meet(direction, depth_m)
    return jnp.stack([fast_m / sizes_m[0], slow_m / sizes_m[1]]), along


def _panels_met(seen: Equivalent, diffracted: Float[Array, "n 3"]) -> Int[Array, " n"]:
    """The panel that each ray meets first, or -1."""
    grid, panels = seen.experiment.grid, seen.experiment.detector.panels
    depth_m = seen.scene.rays.depth.mean() * panels.thickness_m
    of_panels = (seen.scene.panel, panels.pixel_sizes_m, depth_m)
    if grid.panels == 1:
        of_panels = jax.tree.map(lambda leaf: leaf[None], of_panels)

    def of_panel(own: tuple[Panel, tuple[Array, Array], Array], sizes: Array) -> Array:
        at, along = jax.vmap(lambda direction: placed(*own, direction))(diffracted)
        return jnp.where((along > 0) & (at >= 0).all(-1) & (at < sizes).all(-1), along, jnp.inf)

    reach = jax.vmap(of_panel)(of_panels, _panel_sizes(seen.experiment))
    return jnp.where(jnp.isfinite(reach.min(0)), reach.argmin(0), -1).astype(jnp.int32)


def _panel_sizes(experiment: Experiment) -> Float[Array, "panels 2"]:
    """(fast, slow) pixels of each panel; of several, up to the last that is not masked."""
    grid = experiment.grid
    dtype = experiment.beam.wavelength_m.dtype
    if grid.panels == 1 or experiment.mask is None:
        return jnp.tile(jnp.asarray([grid.fast, grid.slow], dtype), (grid.panels, 1))
    used = experiment.mask > 0
    ends = [(used.any(axis) * jnp.arange(1, used.shape[3 - axis] + 1)).max(-1) for axis in (1, 2)]
    return jnp.stack(ends, -1).astype(dtype)
