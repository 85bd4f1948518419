"""Which reflections an exposure shows, where, and how large their spots are.

Nothing here is differentiated: the list of spots is a choice, and the spots themselves are smooth (``nbjax.pipeline.
closed.spot``).
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from nbjax.experiment import CrystalParameters, Experiment
from nbjax.geometry.panel import Panel
from nbjax.linear import cross_product
from nbjax.pipeline.closed.crossing import Passage, excess_of, passages
from nbjax.pipeline.closed.parts import in_parts, picked
from nbjax.pipeline.closed.search import places_of
from nbjax.pipeline.closed.spread import BeamSpread, Lattice, covariance, upright, variance_along
from nbjax.pipeline.scene import RayTable, Scene
from nbjax.sampling.capacity import Capacity

_ALONG_ROTATION = 10.0
"""The share of a rotation that a spot shows, at most, in variances of the passage."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Listed:
    """Spots, or room for them.

    Attributes:
        hkl: Miller indices.
        ray: number of the source and sensor layer.
        panel: number of the panel.
        passage: the part of the rotation.
        excitation_per_m: distance of the reflection from the Ewald sphere, positive outside.
        centre: (fast, slow) in pixels from the outer corner of the first pixel.
        covariance: of the spot on the panel, of (fast, slow) in pixels.
        arc: largest distance in pixels from a straight line.
        diffracted: unit direction of the centre.
    """

    hkl: Float[Array, "n 3"]
    ray: Int[Array, " n"]
    panel: Int[Array, " n"]
    passage: Passage
    excitation_per_m: Float[Array, " n"]
    centre: Float[Array, "n 2"]
    covariance: Float[Array, "n 2 2"]
    arc: Float[Array, " n"]
    diffracted: Float[Array, "n 3"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Count:
    """How many there are, in a list that may have room for less.

    Attributes:
        excited: reflections near the Ewald sphere, on a panel or not.
        seen: spots on the panels, which are the first of the list.
    """

    excited: Int[Array, ""]
    seen: Int[Array, ""]


def listed_spots(
    experiment: Experiment,
    crystal: CrystalParameters,
    scene: Scene,
    spread: BeamSpread,
    capacity: Capacity,
    near: tuple[Float[Array, "near 3"], Int[Array, ""]],
    ray: RayTable,
    window_rad: Float[Array, "2"],
) -> tuple[Listed, Count]:
    """The spots of one source, sensor layer and window.

    Args:
        experiment, crystal, scene: whose.
        spread: of the source.
        capacity: of the lists.
        near: reflections that may reflect, and their number.
        ray: a row of the scene's table.
        window_rad: start and end.
    """
    (hkl, count), standing = near, upright(crystal)

    def of_row(hkl: Array, passage: Passage) -> tuple[Array, ...]:
        lattice = standing.at(passage.angle_rad)
        return _excited(lattice, spread, ray, hkl, passage)

    if crystal.spindle.steps == 1:
        passage = Passage(*(jnp.full(len(hkl), angle) for angle in (*window_rad, window_rad[0])))
        rows, valid = hkl, jnp.arange(len(hkl)) < count
    else:

        def passages_of(star: Array) -> Passage:
            excess = excess_of(star, crystal.spindle.axis, ray.incident, ray.wavelength_m)
            return passages(excess, (window_rad[0], window_rad[1]))

        both = jax.vmap(passages_of)(hkl @ standing.at(jnp.zeros_like(window_rad[0])).stars)
        passage = jax.tree.map(lambda leaf: leaf.reshape(-1), both)
        rows = jnp.repeat(hkl, 2, axis=0)
        valid = (jnp.arange(len(rows)) < 2 * count) & (passage.end_rad > passage.start_rad)
    excitation, sigma = in_parts(lambda row: of_row(*row), (rows, passage), valid)
    excited = valid & (jnp.abs(excitation) <= capacity.cut * sigma)
    found, count = places_of(excited, capacity.excited)
    rows, excitation, passage = picked((rows, excitation, passage), found)

    def centre_of(row: tuple[Array, Passage]) -> tuple[Array, Array, Array]:
        return _centre(standing.at(row[1].angle_rad), spread, ray, *row)

    centres = in_parts(centre_of, (rows, passage), jnp.arange(len(rows)) < count)
    return _on_panels(experiment, scene, capacity, ray, (rows, passage, excitation, *centres), count)


def _excited(lattice: Lattice, spread: BeamSpread, ray: RayTable, hkl: Array, passage: Passage) -> tuple[Array, Array]:
    """Excitation error and its standard deviation."""
    leaving = ray.incident / ray.wavelength_m + hkl @ lattice.stars
    length = jnp.linalg.norm(leaving)
    variance = variance_along(lattice, spread, ray.wavelength_m, hkl, leaving / length)
    return length - 1 / ray.wavelength_m, jnp.sqrt(variance)


def _centre(
    lattice: Lattice, spread: BeamSpread, ray: RayTable, hkl: Array, passage: Passage
) -> tuple[Array, Array, Array]:
    """Direction of the middle of a spot, its covariance in directions, and how far its arc reaches in rad."""
    star = hkl @ lattice.stars
    leaving = ray.incident / ray.wavelength_m + star
    length = jnp.linalg.norm(leaving)
    normal = leaving / length
    smear = covariance(lattice, spread, ray.wavelength_m, hkl)
    excitation = length - 1 / ray.wavelength_m

    def cut(smear: Array) -> tuple[Array, Array]:
        # what of a Gaussian lies on a plane across the normal
        along = smear @ normal
        variance = normal @ along
        return along / variance, smear - along[:, None] * along / variance

    shift, _ = cut(smear)
    middle = ray.incident / ray.wavelength_m + star - shift * excitation
    diffracted = middle / jnp.linalg.norm(middle)
    turned = cross_product(lattice.axis, star)
    rate = jnp.abs(normal @ turned)
    width = passage.end_rad - passage.start_rad
    variance = jnp.minimum(width**2 / 12, _ALONG_ROTATION * (normal @ smear @ normal) / jnp.maximum(rate, 1e-30) ** 2)
    _, on_sphere = cut(smear + variance * turned[:, None] * turned)
    reach = jnp.sqrt(jnp.linalg.norm(lattice.turns) + variance)
    return diffracted, on_sphere * ray.wavelength_m**2, reach


def placed(
    panel: Panel, sizes_m: tuple[Array, Array], depth_m: Array, direction: Float[Array, "3"]
) -> tuple[Float[Array, "2"], Float[Array, ""]]:
    """Pixels (fast, slow) where a ray meets a panel's plane, and how far along it."""
    fast_m, slow_m, along = panel.meet(direction, depth_m)
    return jnp.stack([fast_m / sizes_m[0], slow_m / sizes_m[1]]), along


def _on_panels(
    experiment: Experiment, scene: Scene, capacity: Capacity, ray: RayTable, rows: tuple, count: Array
) -> tuple[Listed, Count]:
    """Of excited reflections, those that meet a panel."""
    hkl, passage, excitation, diffracted, smear, reach = rows
    grid, panels = experiment.grid, experiment.detector.panels
    valid = jnp.arange(len(hkl)) < count

    def margin_of(smear: Array, along: Array, sizes_m: tuple[Array, Array], panel: Panel, direction: Array) -> Array:
        oblique = jnp.abs(direction @ panel.normal)
        sigma_m = jnp.sqrt(jnp.trace(smear)) * jnp.abs(along) / jnp.maximum(oblique, 1e-3)
        return capacity.cut * sigma_m / jnp.minimum(*sizes_m) + 1

    sizes = jnp.asarray([grid.fast, grid.slow], diffracted.dtype)

    def meets(panel: Panel, sizes_m: tuple[Array, Array], depth_m: Array) -> Array:
        at, along = jax.vmap(lambda d: placed(panel, sizes_m, depth_m, d))(diffracted)
        margin = jax.vmap(lambda s, a, d: margin_of(s, a, sizes_m, panel, d))(smear, along, diffracted)[:, None]
        return (along > 0) & ((at > -margin) & (at < sizes + margin)).all(-1)

    sizes_m, depth_m = panels.pixel_sizes_m, ray.depth * panels.thickness_m
    if grid.panels == 1:
        seen = meets(scene.panel, sizes_m, depth_m)[None]
    else:
        seen = jax.vmap(meets)(scene.panel, sizes_m, depth_m)
    found, total = places_of((seen & valid).reshape(-1), capacity.seen)
    number, row = jax.lax.div(found, len(hkl)), jax.lax.rem(found, len(hkl))

    def on_own(spot: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        number, direction, smear = spot
        own: tuple[Panel, tuple[Array, Array], Array] = scene.panel, sizes_m, depth_m
        if grid.panels > 1:
            own = picked(own, number)
        at, along = placed(*own, direction)
        by_direction = jax.jacfwd(lambda d: placed(*own, d)[0])(direction)
        return at, by_direction @ smear @ by_direction.T, along / jnp.minimum(*own[1])

    centre, smear_px, along_px = in_parts(
        on_own, (number, diffracted[row], smear[row]), jnp.arange(capacity.seen) < total
    )
    radius = along_px * jnp.linalg.norm(diffracted[row] - ray.incident, axis=-1)
    passage = picked(passage, row)
    arc = 0.5 * (capacity.cut * reach[row]) ** 2 * radius
    rays = jnp.full(len(row), ray.number)
    spots = Listed(hkl[row], rays, number, passage, excitation[row], centre, smear_px, arc, diffracted[row])
    return spots, Count(count, total)
