"""What screens let pass of the photons towards a pixel."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from nbjax.experiment import Experiment
from nbjax.numerics import components, cross, unit
from nbjax.physics.screens.screen import Way
from nbjax.pipeline.scene import Scene
from nbjax.pipeline.view import Pixels, View, look


def transmission(experiment: Experiment, scene: Scene, pixels: Pixels) -> Array | float:
    """Fraction of the photons that pass all screens, at the middles of pixels."""
    if not experiment.screens:
        return 1.0
    half = jnp.full_like(scene.rays.depth[0], 0.5)
    return passed(experiment, look(experiment, scene, pixels, (half, half), jnp.zeros_like(half)))


def passed(experiment: Experiment, view: View) -> Array | float:
    """Fraction of the photons that pass all screens on their way to points."""
    found: Array | float = 1.0
    beam, along = components(experiment.beam.direction), components(experiment.beam.polarization_axis)
    way = Way(view.point_m, view.diffracted, beam, along, unit(cross(beam, along)))
    for screen in experiment.screens:
        found = found * screen.transmission(way)
    return found
