"""Points of the detector as seen from the sample, and the points at which each geometry factor is taken."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array

from nbjax.experiment import Experiment
from nbjax.geometry.scattering import direction
from nbjax.numerics import Components
from nbjax.pipeline.scene import RayTable, Scene


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Pixels:
    """Indices of the pixels of a tile.

    Attributes:
        slow, fast: indices as floats, for positions.
        number: slow * width + fast in the whole image.
    """

    slow: Array
    fast: Array
    number: Array


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
    """Where solid angle, polarization and capture are taken."""

    solid_angle: View
    polarization: View
    capture: View


def look(experiment: Experiment, scene: Scene, pixels: Pixels, offset: tuple[Array, Array], depth_m: Array) -> View:
    """View of the points at (slow, fast) offsets in pixels and ``depth_m`` in the sensor."""
    size = experiment.panel.pixel_size_m
    point = scene.panel.point(size * (pixels.fast + offset[1]), size * (pixels.slow + offset[0]), depth_m)
    return View(point, *direction(point))


def factor_views(experiment: Experiment, scene: Scene, pixels: Pixels, ray: RayTable, view: View) -> FactorViews:
    """The subpixel itself for an oversampled factor, the pixel centre at the ray's layer for the others."""
    grid, centre = experiment.grid, view
    if grid.oversample > 1:
        centre = look(experiment, scene, pixels, (jnp.full_like(ray.depth_m, 0.5),) * 2, ray.depth_m)
    return FactorViews(
        solid_angle=view if grid.oversample_solid_angle else centre,
        polarization=view if grid.oversample_polarization else centre,
        capture=view if grid.oversample_thickness else centre,
    )
