"""Points of the detector as seen from the sample, and the points at which each geometry factor is taken."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array

from nbjax.experiment import Experiment
from nbjax.geometry.panel import bend, point_on_panel
from nbjax.geometry.scattering import direction
from nbjax.numerics import Components
from nbjax.pipeline.scene import RayTable, Scene


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Pixels:
    """Indices of the pixels of a tile.

    Attributes:
        slow, fast: indices as floats, for positions.
        order: slow * width + fast, the order in which the C program visits them.
    """

    slow: Array
    fast: Array
    order: Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class View:
    """A point of the sensor seen from the sample: position in m, unit direction, distance in m."""

    point_m: Components
    diffracted: Components
    airpath_m: Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class FactorViews:
    """Where solid angle, polarization and capture are taken, the layer whose capture is applied, and the ray's own."""

    solid_angle: View
    polarization: View
    capture: View
    layer: Array
    own_capture: View


def look(experiment: Experiment, scene: Scene, pixels: Pixels, offset: tuple[Array, Array], depth_m: Array) -> View:
    """View of the points at (slow, fast) offsets in pixels and ``depth_m`` in the sensor."""
    size = experiment.panel.pixel_size_m
    point = point_on_panel(scene.panel, size * (pixels.fast + offset[1]), size * (pixels.slow + offset[0]), depth_m)
    if experiment.panel.curved:
        point = bend(scene.panel, experiment.beam.direction, point)
    return View(point, *direction(point))


def factor_views(experiment: Experiment, scene: Scene, pixels: Pixels, ray: RayTable, view: View) -> FactorViews:
    """The subpixel itself for an oversampled factor, the pixel centre at the ray's layer for the others.

    ``first_sample_factors`` takes the first subpixel (for solid angle and polarization also the first layer) instead
    of the centre; ``last_layer_capture`` takes the capture of the last layer.
    """
    grid, rays = experiment.grid, scene.rays
    first = "first_sample_factors" in experiment.parity
    last = "last_layer_capture" in experiment.parity and not grid.oversample_thickness
    place = (rays.slow_offset[0], rays.fast_offset[0]) if first else (jnp.full_like(ray.depth_m, 0.5),) * 2
    layer, depth_m = (rays.layer[-1], rays.depth_m[-1]) if last else (ray.layer, ray.depth_m)

    def seen(at_depth_m: Array, is_own_layer: bool) -> View:
        if grid.oversample == 1 and is_own_layer:
            return view
        return look(experiment, scene, pixels, place, at_depth_m)

    common = seen(rays.depth_m[0] if first else ray.depth_m, not first or experiment.panel.layers == 1)
    return FactorViews(
        solid_angle=view if grid.oversample_solid_angle else common,
        polarization=view if grid.oversample_polarization else common,
        capture=view if grid.oversample_thickness else seen(depth_m, not last),
        layer=layer,
        own_capture=view if grid.oversample_thickness else seen(ray.depth_m, True),
    )
