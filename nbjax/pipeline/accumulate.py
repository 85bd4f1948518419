"""The sum over all samples of a pixel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import jax
import jax.numpy as jnp
from jax import Array

from nbjax.experiment import Experiment
from nbjax.numerics import Components
from nbjax.parity.interpolation_latch import leaves_table
from nbjax.parity.running_product import add_and_multiply
from nbjax.pipeline.orientations import AT_ONCE, divisor, has_orientation_sum, orientation_sum
from nbjax.pipeline.sample import (
    CrystalSample,
    RaySample,
    domain_of,
    first_polarization,
    sample_crystal,
    sample_ray,
)
from nbjax.pipeline.scene import RayTable, Scene
from nbjax.pipeline.view import Pixels

NEVER = 2**31 - 1
"""Number of an event that does not happen."""

Sums = tuple[Array, ...]
"""Running sums over samples, one for each product of factors that is asked for; shape (pixels,) each."""

Products = Callable[[Experiment, RaySample], Sums]
Combine = Callable[[Sums, CrystalSample], tuple[Sums, Array]]
"""The sums after a sample, and what a trace shows of the first of them."""

Orientation = tuple[Array, Array | None, Array]
"""Direct vectors, shape (3, 3), their low parts (precision ``single`` alone), and the number of an orientation."""

T = TypeVar("T")


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Samples:
    """Every sample of a tile, as the sum met it; leading axes (rays,) or (rays, orientations), then pixels.

    Attributes:
        ray: one entry for each ray.
        crystal: one entry for each ray and orientation.
        partial: the sum that the sample was added to, afterwards: the whole sum, not yet multiplied, under
            ``running_product``, else the intensities of the sample's own ray so far.
    """

    ray: RaySample
    crystal: CrystalSample
    partial: Array


def pixel_sums(experiment: Experiment, scene: Scene, pixels: Pixels) -> Array:
    """Each pixel of a tile in electrons squared times steradians: the mean over rays and orientations, plus background.

    Memory does not depend on the number of samples: rays and orientations are scanned, and recomputed for gradients.
    """
    (total,), _ = sum_samples(experiment, scene, pixels, lambda e, sample: (fixed_factors(e, sample)[-1],))
    return total


def sum_samples(
    experiment: Experiment, scene: Scene, pixels: Pixels, products: Products, keep: bool = False
) -> tuple[Sums, Samples | None]:
    """Weighted mean over all samples of (Bragg intensity and background) times factors, in electrons squared.

    Args:
        experiment, scene, pixels: the tile.
        products: products of the factors that are not oversampled; one sum is made with each. Oversampled factors
            are in all of them.
        keep: whether every sample is returned too.

    Returns:
        One sum for each product, shape (pixels,), and the samples if kept.
    """
    return _first_apart(scene, pixels, lambda scene, pixels: _sum_samples(experiment, scene, pixels, products, keep))


def _sum_samples(
    experiment: Experiment, scene: Scene, pixels: Pixels, products: Products, keep: bool
) -> tuple[Sums, Samples | None]:
    polarization = first_polarization(experiment, scene, pixels)
    running = is_running(experiment)
    blocks = 1.0 if scene.mosaic_blocks is None else scene.mosaic_blocks
    per_orientation = blocks / len(scene.orientations_m)

    def add_ray(totals: Sums, ray: RayTable) -> tuple[Sums, tuple[RaySample, CrystalSample, Array] | None]:
        sample = sample_ray(experiment, scene, pixels, ray, polarization)
        factors, oversampled = products(experiment, sample), oversampled_factors(experiment, sample)
        if running:

            def multiply(sums: Sums, crystal: CrystalSample) -> tuple[Sums, Array]:
                term = ray.weight * per_orientation * crystal.intensity
                reached = _reached(experiment, sample, crystal)
                pairs = [
                    add_and_multiply(total, term * factor, oversampled, reached)
                    for total, factor in zip(sums, factors, strict=True)
                ]
                return tuple(after for _, after in pairs), pairs[0][0]

            sums, kept = _over_orientations(experiment, scene, pixels, ray, sample, totals, multiply, keep)
            return sums, (None if kept is None else (sample, *kept))

        share = jnp.where(sample.resolved, ray.weight * per_orientation, 0.0) * oversampled
        alone = len(factors) == 1
        share = share * factors[0] if alone else share
        bragg, kept = _bragg(experiment, scene, pixels, ray, sample, share, keep)
        means = [bragg] if alone else [bragg * factor for factor in factors]
        if experiment.backgrounds:
            background = ray.background_weight * scene.background_electrons_squared * oversampled
            means = [mean + background * factor for mean, factor in zip(means, factors, strict=True)]
        sums = tuple(total + mean for total, mean in zip(totals, means, strict=True))
        return sums, (None if kept is None else (sample, *kept))

    first = sample_ray(experiment, scene, pixels, jax.tree.map(lambda a: a[0], scene.rays), polarization)
    start = tuple(jnp.zeros_like(pixels.slow) for _ in products(experiment, first))
    if running and experiment.backgrounds:
        start = tuple(scene.background_electrons_squared * factor for factor in products(experiment, first))
    totals, kept = jax.lax.scan(jax.checkpoint(add_ray, prevent_cse=False), start, scene.rays)
    return totals, (None if kept is None else Samples(*kept))


def last_sample(experiment: Experiment, scene: Scene, pixels: Pixels, ray: RayTable) -> tuple[RaySample, CrystalSample]:
    """The sample of a ray and the last orientation."""

    def evaluate(scene: Scene, pixels: Pixels) -> tuple[RaySample, CrystalSample]:
        sample = sample_ray(experiment, scene, pixels, ray, first_polarization(experiment, scene, pixels))
        item: Orientation = jax.tree.map(lambda rows: rows[-1], _orientation_items(scene, ray))
        return sample, _evaluate(experiment, scene, pixels, ray, sample, item)

    return _first_apart(scene, pixels, evaluate)


def first_leaving_sample(experiment: Experiment, scene: Scene, pixels: Pixels) -> Array:
    """Number of the first sample of each pixel whose interpolation leaves the table; the largest integer if none."""
    return _first_apart(scene, pixels, lambda scene, pixels: _first_leaving_sample(experiment, scene, pixels))


def _first_leaving_sample(experiment: Experiment, scene: Scene, pixels: Pixels) -> Array:
    orientations = len(scene.orientations_m)

    def add_ray(found: Array, ray: RayTable) -> tuple[Array, None]:
        sample = sample_ray(experiment, scene, pixels, ray, jnp.ones_like(pixels.slow))

        def step(found: Array, item: Orientation) -> tuple[Array, None]:
            crystal = sample_crystal(experiment, scene, item[0], sample.scattering_per_m, None, _low(sample, item))
            number = item[2]
            leaves = _reached(experiment, sample, crystal) & leaves_table(scene.factors, crystal.hkl)
            return jnp.where(leaves, jnp.minimum(found, ray.number * orientations + number), found), None

        return jax.lax.scan(step, found, _orientation_items(scene, ray))[0], None

    start = jnp.full(pixels.slow.shape, NEVER, jnp.int32)
    return jax.lax.scan(add_ray, start, scene.rays)[0]


def first_resolved_ray(experiment: Experiment, scene: Scene, pixels: Pixels) -> Array:
    """Number of the first ray of each pixel above the resolution limit; the largest integer if none."""

    def step(found: Array, ray: RayTable) -> tuple[Array, None]:
        resolved = sample_ray(experiment, scene, pixels, ray, jnp.ones_like(pixels.slow)).resolved
        return jnp.where(resolved, jnp.minimum(found, ray.number), found), None

    start = jnp.full(pixels.slow.shape, NEVER, jnp.int32)
    return jax.lax.scan(step, start, scene.rays)[0]


def is_running(experiment: Experiment) -> bool:
    """Whether ``running_product`` is on and some factor is oversampled."""
    grid = experiment.grid
    oversamples = grid.oversample_solid_angle or grid.oversample_polarization or grid.oversample_thickness
    return "running_product" in experiment.parity and oversamples


def fixed_factors(experiment: Experiment, sample: RaySample) -> tuple[Array, Array, Array, Array]:
    """One; then with capture; with polarization; with solid angle: each only where it is not oversampled."""
    grid = experiment.grid
    product = jnp.ones_like(sample.solid_angle_sr)
    products = [product]
    for factor, is_oversampled in (
        (sample.capture, grid.oversample_thickness),
        (sample.polarization, grid.oversample_polarization),
        (sample.solid_angle_sr, grid.oversample_solid_angle),
    ):
        product = product if is_oversampled else product * factor
        products.append(product)
    one, capture, polarization, solid_angle = products
    return one, capture, polarization, solid_angle


def oversampled_factors(experiment: Experiment, sample: RaySample) -> Array:
    """Product of the geometry factors that are evaluated for each subpixel."""
    grid = experiment.grid
    product = jnp.ones_like(sample.solid_angle_sr)
    product = product * sample.capture if grid.oversample_thickness else product
    product = product * sample.polarization if grid.oversample_polarization else product
    return product * sample.solid_angle_sr if grid.oversample_solid_angle else product


def _bragg(
    experiment: Experiment, scene: Scene, pixels: Pixels, ray: RayTable, sample: RaySample, weight: Array, keep: bool
) -> tuple[Array, tuple[CrystalSample, Array] | None]:
    """Sum of the intensities of a ray's orientations, weighted, and what is kept of them."""
    if not keep and has_orientation_sum(experiment, scene):
        direct_m, direct_low, _ = _orientation_items(scene, ray)
        low = None if direct_low is None else (direct_low, sample.scattering_low_per_m)
        return orientation_sum(weight, domain_of(experiment, scene), direct_m, sample.scattering_per_m, low), None

    def add(sums: Sums, crystal: CrystalSample) -> tuple[Sums, Array]:
        total = sums[0] + crystal.intensity
        return (total,), total

    nothing = (jnp.zeros_like(weight),)
    (bragg,), kept = _over_orientations(experiment, scene, pixels, ray, sample, nothing, add, keep)
    return weight * bragg, kept


def _over_orientations(
    experiment: Experiment,
    scene: Scene,
    pixels: Pixels,
    ray: RayTable,
    sample: RaySample,
    start: Sums,
    combine: Combine,
    keep: bool,
) -> tuple[Sums, tuple[CrystalSample, Array] | None]:
    def step(sums: Sums, item: Orientation) -> tuple[Sums, tuple[CrystalSample, Array] | None]:
        crystal = _evaluate(experiment, scene, pixels, ray, sample, item)
        combined, shown = combine(sums, crystal)
        sums = tuple(new.astype(old.dtype) for new, old in zip(combined, sums, strict=True))
        return sums, ((crystal, shown) if keep else None)

    # a few orientations in one loop load each pixel's scattering vector and sum once for all of them; beside the 64
    # lookups of an interpolation that is nothing, and would only take longer to compile
    at_once = divisor(len(scene.orientations_m), 1 if experiment.crystal.interpolate else AT_ONCE)
    return jax.lax.scan(jax.checkpoint(step), start, _orientation_items(scene, ray), unroll=at_once)


def _evaluate(
    experiment: Experiment, scene: Scene, pixels: Pixels, ray: RayTable, sample: RaySample, item: Orientation
) -> CrystalSample:
    direct_m, _, number = item
    latched = None
    state = scene.parity
    if state.latch_pixel is not None and state.latch_sample is not None:
        after = number + ray.number * len(scene.orientations_m) >= state.latch_sample
        latched = (pixels.order > state.latch_pixel) | ((pixels.order == state.latch_pixel) & after)
    return sample_crystal(experiment, scene, direct_m, sample.scattering_per_m, latched, _low(sample, item))


def _low(sample: RaySample, item: Orientation) -> tuple[Array, Components] | None:
    """Low parts of an orientation and of the ray's scattering vector."""
    if item[1] is None or sample.scattering_low_per_m is None:
        return None
    return item[1], sample.scattering_low_per_m


def _orientation_items(scene: Scene, ray: RayTable) -> Orientation:
    """Every orientation, to scan over; those of the first evaluation of the run if the scene still has them."""

    def of(part: Scene) -> Array:
        first = part.parity.first_orientations_m
        if scene.parity.first_orientations_m is None or first is None:
            return part.orientations_m
        return jnp.where(ray.number == scene.parity.first_ray, first, part.orientations_m)

    low = None if scene.low is None else of(scene.low)
    return of(scene), low, jnp.arange(len(scene.orientations_m), dtype=jnp.int32)


def _first_apart(scene: Scene, pixels: Pixels, function: Callable[[Scene, Pixels], T]) -> T:
    """``function`` of a tile, with the pixel that the run evaluates first computed apart, in its own orientations.

    The last axis of everything that ``function`` returns must be that of the pixels.
    """
    state = scene.parity
    values = function(replace(scene, parity=replace(state, first_orientations_m=None)), pixels)
    if state.first_orientations_m is None or state.first_pixel is None:
        return values
    is_first = pixels.order == state.first_pixel

    def with_first() -> T:
        alone = jax.tree.map(lambda field: field[jnp.argmax(is_first)][None], pixels)
        return jax.tree.map(lambda one, every: jnp.where(is_first, one, every), function(scene, alone), values)

    return jax.lax.cond(is_first.any(), with_first, lambda: values)


def _reached(experiment: Experiment, sample: RaySample, crystal: CrystalSample) -> Array:
    """Samples that the C program does not skip before it looks up the structure factor."""
    return sample.resolved & ((crystal.lattice != 0) | bool(experiment.backgrounds))
