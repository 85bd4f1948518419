"""What is said of each spot: its place on the panel, its size and its photons."""

from __future__ import annotations

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from nbjax.experiment import Experiment
from nbjax.linear import determinant
from nbjax.numerics import components
from nbjax.physics.block import cell_count
from nbjax.physics.debye_waller import debye_waller
from nbjax.physics.solid_angle import solid_angle_sr
from nbjax.pipeline.closed.crossing import moved_with
from nbjax.pipeline.closed.listing import placed
from nbjax.pipeline.closed.spread import upright
from nbjax.pipeline.partiality import sampled_profiles, strength
from nbjax.pipeline.sample import capture_at, passed_at, polarization_at
from nbjax.pipeline.scene import RayTable, beam_share, mosaic_blocks
from nbjax.pipeline.screens import passed
from nbjax.pipeline.spots.equivalent import Equivalent, equivalent
from nbjax.pipeline.spots.listing import Rows
from nbjax.pipeline.spots.section import Section, section_of
from nbjax.pipeline.view import Pixels, look, seen_by

_MOST_SAMPLES = 4096
"""Sources times orientations of a sampled crystal whose profiles are added up one by one."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Spots:
    """The spots of one crystal: a row for each reflection and each side of its turning point in a rotation.

    Attributes:
        count: how many there are. Rows after them mean nothing; if it exceeds the rows, some are missing.
        miller_index: h, k, l.
        panel: number of the panel, from 0.
        centre: (fast, slow) of the mean photon in pixels, from the outer corner of the first pixel.
        diffracted: unit direction towards it.
        s1_per_m: the same over the mean wavelength.
        spacing_m: d of the reflection.
        excitation_per_m: distance from the Ewald sphere at the passage, positive outside.
        angle_rad: spindle angle of the passage: where the reflection meets the sphere, or comes nearest to it.
        mean_angle_rad: of the photons.
        partiality: fraction of the rocking curve that a rotation records; of a still, its height over the largest.
        covariance: of (fast, slow) in square pixels.
        photons: expected, as if the panel were large enough to show the whole spot.
    """

    count: Int[Array, ""]
    miller_index: Int[Array, "n 3"]
    panel: Int[Array, " n"]
    centre: Float[Array, "n 2"]
    diffracted: Float[Array, "n 3"]
    s1_per_m: Float[Array, "n 3"]
    spacing_m: Float[Array, " n"]
    excitation_per_m: Float[Array, " n"]
    angle_rad: Float[Array, " n"]
    mean_angle_rad: Float[Array, " n"]
    partiality: Float[Array, " n"]
    covariance: Float[Array, "n 2 2"]
    photons: Float[Array, " n"]

    def __len__(self) -> int:
        return int(self.spacing_m.shape[-1])

    def first(self, count: int) -> Spots:
        """The first rows alone."""
        rows: Spots = jax.tree.map(lambda leaf: leaf[:count], replace(self, count=jnp.zeros(0)))
        return replace(rows, count=self.count)


def spots_at(experiment: Experiment, rows: Rows) -> Spots:
    """What is said of given reflections, whether they light up or not; all of them count."""
    seen = equivalent(experiment)
    spots, densities = jax.vmap(lambda row: _spot(seen, row))(rows)
    partiality = spots.partiality
    if experiment.crystal.model != "closed" and _samples(experiment) <= _MOST_SAMPLES:
        window_rad = rows.passage.start_rad, rows.passage.end_rad
        partiality, densities = sampled_profiles(experiment, rows.hkl, window_rad)
    return replace(spots, count=jnp.asarray(len(rows.hkl)), partiality=partiality, photons=spots.photons * densities)


def _samples(experiment: Experiment) -> int:
    """Sources times orientations."""
    return len(experiment.beam.sources.weights) * experiment.crystal.domains * experiment.crystal.spindle.steps


def _spot(seen: Equivalent, row: Rows) -> tuple[Spots, Float[Array, ""]]:
    """One row, whose photons lack the density of its profile; and this."""
    crystal, incident, wavelength_m = seen.crystal, seen.incident, seen.wavelength_m
    standing = upright(crystal)

    def excess(angle_rad: Array) -> Array:
        leaving = incident / wavelength_m + row.hkl @ standing.at(angle_rad).stars
        return jnp.dot(leaving, leaving) - 1 / wavelength_m**2

    passage = moved_with(crystal.spindle, row.passage, excess)
    lattice = standing.at(passage.angle_rad)
    cut = section_of(seen, lattice, row.hkl, passage)
    own = _on_panel(seen, row.panel, cut)
    factors = crystal.factors.seen_at(wavelength_m)
    amplitude = factors.at(components(row.hkl), components(row.hkl))
    cell_volume = jnp.abs(determinant(lattice.stars))
    scale = seen.scene.photons_per_sr_per_electron * (wavelength_m * amplitude) ** 2
    scale = scale * cell_count(crystal.cells, crystal.cells_off_diagonal) * strength(crystal)
    scale = scale * cell_volume * own.factors
    kept = None if lattice.fall_off_m2 is None else debye_waller(lattice.fall_off_m2, components(cut.star))
    for more in (mosaic_blocks(crystal), beam_share(seen.experiment.beam, crystal), kept):
        scale = scale if more is None else scale * more
    spot = Spots(
        count=jnp.zeros((), jnp.int32),
        miller_index=jnp.round(row.hkl).astype(jnp.int32),
        panel=row.panel,
        centre=own.centre,
        diffracted=cut.diffracted,
        s1_per_m=cut.diffracted / wavelength_m,
        spacing_m=_spacing_m(cut.star),
        excitation_per_m=cut.excitation,
        angle_rad=passage.angle_rad,
        mean_angle_rad=passage.angle_rad + cut.mean_rad,
        partiality=cut.share,
        covariance=own.covariance,
        photons=scale,
    )
    return spot, cut.density


def _spacing_m(star: Float[Array, "3"]) -> Float[Array, ""]:
    """D of a reflection; infinite, and without derivatives, of the direct beam."""
    square = jnp.dot(star, star)
    return jnp.where(square > 0, 1 / jnp.sqrt(jnp.where(square > 0, square, 1)), jnp.inf)


@dataclass(frozen=True)
class _OnPanel:
    """A spot on its panel: centre and covariance in pixels, and the product of the factors of its direction."""

    centre: Float[Array, "2"]
    covariance: Float[Array, "2 2"]
    factors: Float[Array, ""]


def _on_panel(seen: Equivalent, number: Int[Array, ""], cut: Section) -> _OnPanel:
    panel = None if seen.experiment.grid.panels == 1 else number
    nothing = jnp.zeros_like(cut.excitation)
    own, scene, pixels = seen_by(seen.experiment, seen.scene, Pixels(nothing, nothing, number, panel))
    panels = own.detector.panels

    def place(direction: Array, depth: Array) -> Array:
        return placed(scene.panel, panels.pixel_sizes_m, depth * panels.thickness_m, direction)[0]

    def of_layer(ray: RayTable) -> tuple[Array, Array]:
        view = look(own, scene, replace(pixels, panel=None), tuple(place(cut.diffracted, ray.depth)[::-1]), ray.depth)
        caught = capture_at(own, scene, view, ray.layer, ray.wavelength_m) if panels.has_sensor else 1.0
        let_through = passed_at(own, scene, view, ray.wavelength_m) * passed(own, scene, view)
        factors = caught * let_through * polarization_at(own, ray, view)
        obliquity = scene.panel.obliquity(view.diffracted, view.airpath_m)
        seen_sr, whole_sr = (
            solid_angle_sr(
                view.airpath_m, jnp.prod(jnp.stack(panels.pixel_sizes_m)), obliquity, point, panels.two_sided
            )
            for point in (panels.point_pixel, False)
        )
        return factors * (seen_sr / jnp.where(whole_sr == 0, 1, whole_sr)), ray.depth

    factors, depths = jax.vmap(of_layer)(scene.rays)
    depth = (factors * depths).sum() / jnp.where(factors.sum() == 0, 1, factors.sum())
    by_direction = jax.jacfwd(lambda direction: place(direction, depth))(cut.diffracted)
    return _OnPanel(place(cut.diffracted, depth), by_direction @ cut.smear @ by_direction.T, factors.sum())
