"""The sum over all samples of a pixel, in the order and with the factors of the C program."""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import replace
from typing import TypeVar, cast

import jax
import jax.numpy as jnp
from jax import Array

from nbjax.experiment import Experiment
from nbjax.pipeline.accumulate import (
    Kept,
    Orientation,
    Products,
    Samples,
    Sums,
    last_row,
    orientation_items,
    orientation_weight,
    over_orientations,
    oversampled_factors,
    samples_of,
    share_of,
    sum_orientations,
    weighted_sum,
    whole_product,
    zero_sums,
)
from nbjax.pipeline.sample import CrystalSample, RaySample, scatterer_of
from nbjax.pipeline.scene import RayTable
from nbjax.pipeline.view import Pixels
from nbjax.reference.sample import departs, evaluate_in_run, first_polarization, is_reached, reference_ray
from nbjax.reference.scene import ReferenceScene

T = TypeVar("T")


def pixel_sums(entries: Container[str], experiment: Experiment, scene: ReferenceScene, pixels: Pixels) -> Array:
    """Each pixel of a tile in electrons squared times steradians."""
    (total,), _ = sum_samples(entries, experiment, scene, pixels, whole_product)
    return total


def sum_samples(
    entries: Container[str],
    experiment: Experiment,
    scene: ReferenceScene,
    pixels: Pixels,
    products: Products,
    keep: bool = False,
) -> tuple[Sums, Samples | None]:
    """As ``nbjax.pipeline.accumulate.sum_samples``.

    Under ``running_product``, the partial sums of the samples are the whole sum before it is multiplied.
    """
    sweep = _running_sum if is_running(entries, experiment) else _plain_sum
    return first_apart(scene, pixels, lambda scene, at: sweep(entries, experiment, scene, at, products, keep))


def _plain_sum(
    entries: Container[str],
    experiment: Experiment,
    scene: ReferenceScene,
    pixels: Pixels,
    products: Products,
    keep: bool,
) -> tuple[Sums, Samples | None]:
    scatterer, water = scatterer_of(experiment, scene, 0), scene.state.water_electrons_squared
    polarization = first_polarization(entries, experiment, scene, pixels)

    def add_ray(totals: Sums, ray: RayTable) -> tuple[Sums, tuple[RaySample, list[Kept]] | None]:
        sample, capture = reference_ray(entries, experiment, scene, pixels, ray, polarization)
        factors = products(experiment, replace(sample, capture=capture))
        oversampled, items = oversampled_factors(experiment, sample), items_in_run(scene, ray)
        alone = len(factors) == 1
        share = share_of(scene, 0, ray, sample, oversampled)
        share = share * factors[0] if alone else share
        if departs(scene):
            evaluate = evaluate_in_run(experiment, scene, pixels, ray, sample)
            bragg, kept = weighted_sum(scatterer, items, evaluate, share, keep)
        else:
            bragg, kept = sum_orientations(scatterer.lit_by(ray), items, sample, share, keep)
        means = [bragg] if alone else [bragg * factor for factor in factors]
        if water is not None:
            background = water_weight(entries, experiment, ray) * water * oversampled
            means = [mean + background * factor for mean, factor in zip(means, factors, strict=True)]
        sums = tuple(total + mean for total, mean in zip(totals, means, strict=True))
        return sums, (None if kept is None else (sample, [kept]))

    start = zero_sums(experiment, scene, pixels, products)
    totals, found = jax.lax.scan(jax.checkpoint(add_ray, prevent_cse=False), start, scene.rays)
    return totals, (None if found is None else samples_of(*found))


def _running_sum(
    entries: Container[str],
    experiment: Experiment,
    scene: ReferenceScene,
    pixels: Pixels,
    products: Products,
    keep: bool,
) -> tuple[Sums, Samples | None]:
    """The whole running sum is multiplied by the oversampled factors after every addition."""
    scatterer, water = scatterer_of(experiment, scene, 0), scene.state.water_electrons_squared
    polarization = first_polarization(entries, experiment, scene, pixels)
    per_orientation = orientation_weight(scene.crystals[0])

    def factors_of(ray: RayTable) -> tuple[RaySample, Sums]:
        sample, capture = reference_ray(entries, experiment, scene, pixels, ray, polarization)
        return sample, products(experiment, replace(sample, capture=capture))

    def add_ray(totals: Sums, ray: RayTable) -> tuple[Sums, tuple[RaySample, list[Kept]] | None]:
        sample, factors = factors_of(ray)
        oversampled = oversampled_factors(experiment, sample)

        def multiply(sums: Sums, crystal: CrystalSample) -> tuple[Sums, Array]:
            term = ray.weight * per_orientation * crystal.intensity
            reached = is_reached(experiment, sample, crystal)
            # samples that the C program skips leave the sum alone
            added = [jnp.where(reached, s + term * factor, s) for s, factor in zip(sums, factors, strict=True)]
            return tuple(jnp.where(reached, a * oversampled, s) for a, s in zip(added, sums, strict=True)), added[0]

        evaluate = evaluate_in_run(experiment, scene, pixels, ray, sample)
        sums, kept = over_orientations(scatterer, items_in_run(scene, ray), evaluate, totals, multiply, keep)
        return sums, (None if kept is None else (sample, [kept]))

    start = zero_sums(experiment, scene, pixels, products)
    if water is not None:
        _, factors = factors_of(jax.tree.map(lambda rows: rows[0], scene.rays))
        start = tuple(water * factor for factor in factors)
    totals, found = jax.lax.scan(jax.checkpoint(add_ray, prevent_cse=False), start, scene.rays)
    return totals, (None if found is None else samples_of(*found))


def is_running(entries: Container[str], experiment: Experiment) -> bool:
    """Whether ``running_product`` is on and some factor is oversampled."""
    grid = experiment.grid
    oversamples = grid.oversample_solid_angle or grid.oversample_polarization or grid.oversample_thickness
    return "running_product" in entries and oversamples


def water_weight(entries: Container[str], experiment: Experiment, ray: RayTable) -> Array:
    """The weight of a ray's background, which ``last_layer_capture`` shares out among the layers."""
    if "last_layer_capture" in entries and not experiment.grid.oversample_thickness:
        return ray.weight / experiment.detector.panels.layers
    return ray.weight


def last_sample(
    entries: Container[str], experiment: Experiment, scene: ReferenceScene, pixels: Pixels
) -> tuple[RaySample, CrystalSample]:
    """The sample of the last ray and the last orientation."""

    def evaluate(scene: ReferenceScene, pixels: Pixels) -> tuple[RaySample, CrystalSample]:
        ray, polarization = last_row(scene.rays), first_polarization(entries, experiment, scene, pixels)
        sample, _ = reference_ray(entries, experiment, scene, pixels, ray, polarization)
        item = last_row(items_in_run(scene, ray))
        return sample, evaluate_in_run(experiment, scene, pixels, ray, sample)(item)

    return first_apart(scene, pixels, evaluate)


def items_in_run(scene: ReferenceScene, ray: RayTable) -> Orientation:
    """Every orientation, to scan over; those of the first evaluation of the run if the scene still has them."""
    direct_m, low, number = orientation_items(scene, 0)
    state = scene.state
    if state.first_orientations_m is None:
        return direct_m, low, number
    is_first = ray.number == state.first_ray
    if low is not None:
        first_low = cast(ReferenceScene, scene.low).state.first_orientations_m
        assert first_low is not None
        low = jnp.where(is_first, first_low, low)
    return jnp.where(is_first, state.first_orientations_m, direct_m), low, number


def first_apart(scene: ReferenceScene, pixels: Pixels, function: Callable[[ReferenceScene, Pixels], T]) -> T:
    """``function`` of a tile, with the pixel that the run evaluates first computed apart, in its own orientations.

    The last axis of everything that ``function`` returns must be that of the pixels.
    """
    state = scene.state
    values = function(replace(scene, state=replace(state, first_orientations_m=None)), pixels)
    if state.first_orientations_m is None or state.first_pixel is None:
        return values
    is_first = pixels.number == state.first_pixel

    def with_first() -> T:
        alone = jax.tree.map(lambda field: field[jnp.argmax(is_first)][None], pixels)
        return jax.tree.map(lambda one, every: jnp.where(is_first, one, every), function(scene, alone), values)

    return jax.lax.cond(is_first.any(), with_first, lambda: values)
