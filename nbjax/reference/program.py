"""The C program in the place of the physics."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array

from nbjax.experiment import Experiment
from nbjax.pipeline.accumulate import fixed_factors, last_row, oversampled_factors
from nbjax.pipeline.program import Record, running_sums
from nbjax.pipeline.scene import RayTable, complete, samples_per_layer
from nbjax.pipeline.view import Pixels
from nbjax.reference import accumulate
from nbjax.reference.events import (
    NEVER,
    first_event,
    first_leaving_sample,
    with_end_of_interpolation,
    with_first_evaluation,
)
from nbjax.reference.sample import first_polarization, reference_ray
from nbjax.reference.scene import ReferenceScene, derive_reference_scene


def entries_of(experiment: Experiment) -> tuple[str, ...]:
    """Names of the ledger's entries that are switched on."""
    return experiment.program.entries if isinstance(experiment.program, CProgram) else ()


@dataclass(frozen=True)
class CProgram:
    """nanoBragg.c as far as entries of the ledger ask for it; a ``nbjax.pipeline.program.Program``.

    Attributes:
        entries: names of the ledger that are switched on, sorted.
        layers_given: whether the number of sensor layers was said by the user.
    """

    entries: tuple[str, ...]
    layers_given: bool

    def scene(self, experiment: Experiment) -> ReferenceScene:
        """What all pixels share, with the events of the run that they remember."""
        scene = self._derived(experiment)
        if "phi_carryover" in self.entries:
            scene = with_first_evaluation(experiment, scene)
        if "interpolation_latch" in self.entries and experiment.crystal.factors.interpolate:
            scene = with_end_of_interpolation(experiment, scene)
        return scene

    def pixel_sums(self, experiment: Experiment, scene: ReferenceScene, pixels: Pixels) -> Array:
        """Each pixel of a tile in electrons squared times steradians."""
        return accumulate.pixel_sums(self.entries, experiment, scene, pixels)

    def record(self, experiment: Experiment, scene: ReferenceScene, pixels: Pixels, keep: bool) -> Record:
        """The same, and all that it met on its way.

        Under ``running_product`` the background is the start of the sum, before any factor.
        """
        entries = self.entries
        (one, with_capture, with_polarization, whole), samples = accumulate.sum_samples(
            entries, experiment, scene, pixels, fixed_factors, keep
        )
        if samples is None:
            ray, crystal = accumulate.last_sample(entries, experiment, scene, pixels)
        else:
            ray, crystal = last_row(samples.ray), last_row(last_row(samples.crystals[0]))
        background = self._background(experiment, scene, pixels)
        running: tuple[Array, ...] = ()
        if samples is not None:
            running = running_sums(experiment, scene, samples, background)
            if accumulate.is_running(entries, experiment):
                running = (samples.partials[0] * samples_per_layer(experiment, scene),)
        _, capture = reference_ray(entries, experiment, scene, pixels, last_row(scene.rays))
        return Record(
            (one, with_capture, with_polarization, whole), ray, crystal, capture, background, samples, running
        )

    def leaves_table(self, experiment: Experiment) -> Array:
        """Whether any sample of the image leaves the table by the C program's test."""
        return first_event(experiment, self._derived(experiment), first_leaving_sample)[1] < NEVER

    def _derived(self, experiment: Experiment) -> ReferenceScene:
        return complete(experiment, lambda e: derive_reference_scene(e, self.entries, self.layers_given))

    def _background(self, experiment: Experiment, scene: ReferenceScene, pixels: Pixels) -> Array:
        water = scene.state.water_electrons_squared
        if water is None:
            return jnp.zeros_like(pixels.slow)
        if accumulate.is_running(self.entries, experiment):
            return jnp.full_like(pixels.slow, water)
        polarization = first_polarization(self.entries, experiment, scene, pixels)

        def add_ray(total: Array, ray: RayTable) -> tuple[Array, None]:
            sample, _ = reference_ray(self.entries, experiment, scene, pixels, ray, polarization)
            weight = accumulate.water_weight(self.entries, experiment, ray)
            return total + weight * water * oversampled_factors(experiment, sample), None

        return jax.lax.scan(add_ray, jnp.zeros_like(pixels.slow), scene.rays)[0]
