"""What evaluates an experiment: its scene, the pixels of a tile, and all that a trace shows of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, cast, runtime_checkable

import jax
import jax.numpy as jnp
from jax import Array

from nbjax.experiment import Experiment
from nbjax.pipeline.accumulate import (
    Samples,
    fall_off_of,
    fixed_factors,
    last_row,
    last_sample,
    mean_backgrounds,
    orientation_weight,
    oversampled_factors,
    pixel_sums,
    sum_samples,
)
from nbjax.pipeline.sample import CrystalSample, RaySample
from nbjax.pipeline.scene import Scene, build_scene, samples_per_layer
from nbjax.pipeline.screens import transmission
from nbjax.pipeline.view import Pixels


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Record:
    """What the sum of a tile's pixels met. All sums are weighted means.

    Attributes:
        sums: the pixels without any factor that is not oversampled; with capture; with polarization; with solid angle.
        ray: the last ray.
        crystal: the last orientation of the last crystal; None without crystals.
        capture: what the pixel is multiplied by for the last ray.
        background: the part of the first sum that is background.
        backgrounds: the parts of that that are of each.
        transmission: what screens let pass of all; None without screens.
        samples: every sample, if asked for.
        running: with them, of each crystal: the sum up to and including each sample, times the samples of a layer.
    """

    sums: tuple[Array, Array, Array, Array]
    ray: RaySample
    crystal: CrystalSample | None
    capture: Array
    background: Array
    samples: Samples | None
    running: tuple[Array, ...]
    backgrounds: tuple[Array, ...] = ()
    transmission: Array | None = None


@runtime_checkable
class Program(Protocol):
    """Functions of an experiment, by which every image and every trace is computed."""

    def scene(self, experiment: Experiment) -> Any:
        """What all pixels share."""

    def pixel_sums(self, experiment: Experiment, scene: Any, pixels: Pixels) -> Array:
        """Each pixel of a tile in electrons squared times steradians."""

    def record(self, experiment: Experiment, scene: Any, pixels: Pixels, keep: bool) -> Record:
        """The same, and all that it met on its way."""


@dataclass(frozen=True)
class Physics:
    """The physics."""

    def scene(self, experiment: Experiment) -> Scene:
        """See ``Program``."""
        return build_scene(experiment)

    def pixel_sums(self, experiment: Experiment, scene: Scene, pixels: Pixels) -> Array:
        """See ``Program``."""
        return pixel_sums(experiment, scene, pixels) * transmission(experiment, scene, pixels)

    def record(self, experiment: Experiment, scene: Scene, pixels: Pixels, keep: bool) -> Record:
        """See ``Program``."""
        sums, samples = sum_samples(experiment, scene, pixels, fixed_factors, keep)
        if samples is None:
            ray, crystal = last_sample(experiment, scene, pixels)
        else:
            ray = last_row(samples.ray)
            crystal = last_row(last_row(samples.crystals[-1])) if samples.crystals else None
        backgrounds = mean_backgrounds(experiment, scene, pixels)
        background = sum(backgrounds, jnp.zeros_like(pixels.slow))
        running = () if samples is None else running_sums(experiment, scene, samples, background)
        one, capture, polarization, solid_angle = sums
        return Record(
            (one, capture, polarization, solid_angle),
            ray,
            crystal,
            ray.capture,
            background,
            samples,
            running,
            backgrounds,
            jnp.asarray(transmission(experiment, scene, pixels)) if experiment.screens else None,
        )


def running_sums(experiment: Experiment, scene: Scene, samples: Samples, background: Array) -> tuple[Array, ...]:
    """Of each crystal the sum up to and including each sample, from the background on, times the samples of a layer."""
    oversampled, steps = oversampled_factors(experiment, samples.ray), samples_per_layer(experiment, scene)
    own: list[Array] = []
    for part, partial in zip(scene.crystals, samples.partials, strict=True):
        factor = oversampled * (scene.rays.weight[:, None] * orientation_weight(part))
        kept = fall_off_of(part, samples.ray)
        factor = factor if kept is None else factor * kept
        own.append(jnp.where(samples.ray.resolved, factor, 0.0)[:, None] * (partial * steps))
    if not own:
        return ()
    of_rays = sum((sums[:, -1] for sums in own[1:]), own[0][:, -1])
    before = jnp.cumsum(of_rays, axis=0) - of_rays
    running = []
    for sums in own:
        running.append(before[:, None] + sums + background * steps)
        before = before + sums[:, -1]
    return tuple(running)


PHYSICS = Physics()


def program_of(experiment: Experiment) -> Program:
    """What the experiment names, or the physics."""
    return PHYSICS if experiment.program is None else cast(Program, experiment.program)
