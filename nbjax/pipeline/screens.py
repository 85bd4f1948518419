"""What screens let pass of the photons towards a pixel."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from nbjax.experiment import BeamParameters, Experiment
from nbjax.physics.screens.screen import Way
from nbjax.pipeline.scene import Scene, beam_axes
from nbjax.pipeline.view import Pixels, View, look


def transmission(experiment: Experiment, scene: Scene, pixels: Pixels) -> Array | float:
    """Fraction of the photons that pass all screens, at the middles of pixels."""
    if not scene.screens:
        return 1.0
    half = jnp.full_like(scene.rays.depth[0], 0.5)
    return passed(experiment, scene, look(experiment, scene, pixels, (half, half), jnp.zeros_like(half)))


def passed(experiment: Experiment, scene: Scene, view: View) -> Array | float:
    """Fraction of the photons that pass all screens on their way to points."""
    found: Array | float = 1.0
    if scene.screens:
        way = way_to(experiment.beam, view)
        for screen in scene.screens:
            # a cubic between small numbers may be less than nothing
            found = found * jnp.maximum(screen.transmission(way), 0.0)
    return found


def way_to(beam: BeamParameters, view: View) -> Way:
    """From the sample to points."""
    return Way(view.point_m, view.diffracted, *beam_axes(beam))
