"""Points of the detector as seen from the sample, and the points at which each geometry factor is taken."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax import Array

from nbjax.experiment import Experiment
from nbjax.geometry.scattering import direction
from nbjax.held import apart
from nbjax.numerics import Components
from nbjax.pipeline.scene import RayTable, Scene

S = TypeVar("S", bound=Scene)
T = TypeVar("T")


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Pixels:
    """Indices of the pixels of a tile.

    Attributes:
        slow, fast: indices as floats, for positions.
        number: slow * width + fast in the whole image, whose panels lie below each other.
        panel: number of the panel; None where there is one.
    """

    slow: Array
    fast: Array
    number: Array
    panel: Array | None = None


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


def seen_by(experiment: Experiment, scene: S, pixels: Pixels) -> tuple[Experiment, S, Pixels]:
    """What the pixels of a tile see: of several panels, each pixel its own, in the place of all."""
    number = pixels.panel
    if number is None:
        return experiment, scene, pixels

    def own(tree: T) -> T:
        # in a loop of its own, not anew for each pixel
        return apart(lambda tree, number: jax.tree.map(lambda leaf: leaf[number], tree), tree, number)

    def own_scene(whole: Any) -> Any:
        return replace(whole, panel=own(whole.panel), layer_thickness_m=own(whole.layer_thickness_m))

    def own_experiment(whole: Experiment) -> Experiment:
        panels = own(whole.detector.panels)
        table = whole.detector.panels.attenuation
        if table is not None and panels.attenuation is not None:
            # its wavelengths are the same for all panels
            same = replace(panels.attenuation, wavelengths_m=table.wavelengths_m[0])
            panels = replace(panels, attenuation=same)
        return replace(whole, detector=replace(whole.detector, panels=panels))

    own_low, low = experiment.low, scene.low
    if low is not None and own_low is not None:
        experiment, scene = replace(experiment, low=own_experiment(own_low)), replace(scene, low=own_scene(low))
    return own_experiment(experiment), own_scene(scene), pixels


def look(experiment: Experiment, scene: Scene, pixels: Pixels, offset: tuple[Array, Array], depth: Array) -> View:
    """View of the points at (slow, fast) offsets in pixels and a depth in the sensor in thicknesses."""
    panel = experiment.detector.panels
    fast_m, slow_m = panel.pixel_sizes_m
    at = fast_m * (pixels.fast + offset[1]), slow_m * (pixels.slow + offset[0]), depth * panel.thickness_m
    point = scene.panel.point(*at)
    return View(point, *direction(point))


def factor_views(experiment: Experiment, scene: Scene, pixels: Pixels, ray: RayTable, view: View) -> FactorViews:
    """The subpixel itself for an oversampled factor, the pixel centre at the ray's layer for the others."""
    grid, centre = experiment.grid, view
    if grid.oversample > 1:
        centre = look(experiment, scene, pixels, (jnp.full_like(ray.depth, 0.5),) * 2, ray.depth)
    return FactorViews(
        solid_angle=view if grid.oversample_solid_angle else centre,
        polarization=view if grid.oversample_polarization else centre,
        capture=view if grid.oversample_thickness else centre,
    )
