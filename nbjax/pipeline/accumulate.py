"""The sum over all samples of a pixel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import jax
import jax.numpy as jnp
from jax import Array

from nbjax.experiment import Experiment, chosen
from nbjax.physics.debye_waller import debye_waller
from nbjax.pipeline.backgrounds import backgrounds_seen, constant_at, is_constant, mean_sample
from nbjax.pipeline.orientations import AT_ONCE, divisor, has_orientation_sum, orientation_sum
from nbjax.pipeline.sample import CrystalSample, Low, RaySample, Scatterer, sample_crystal, sample_ray, scatterer_of
from nbjax.pipeline.scene import CrystalScene, RayTable, Scene
from nbjax.pipeline.view import Pixels

Sums = tuple[Array, ...]
"""Running sums over samples, one for each product of factors that is asked for; shape (pixels,) each."""

Products = Callable[[Experiment, RaySample], Sums]
Combine = Callable[[Sums, CrystalSample], tuple[Sums, Array]]
"""The sums after a sample, and what a trace shows of the first of them."""

Orientation = tuple[Array, Array | None, Array]
"""Direct vectors, shape (3, 3), their low parts (precision ``single`` alone), and the number of an orientation."""

Evaluate = Callable[[Orientation], CrystalSample]

T = TypeVar("T")

Kept = tuple[CrystalSample, Array]
"""The samples of all orientations, and the sums that each was added to, afterwards."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Samples:
    """Every sample of a tile, as the sum met it; leading axes (rays,) or (rays, orientations), then pixels.

    Attributes:
        ray: one entry for each ray.
        crystals: of each crystal, one entry for each ray and orientation.
        partials: of each crystal, the sum that the sample was added to, afterwards: the intensities of the sample's own
            ray and crystal so far.
    """

    ray: RaySample
    crystals: tuple[CrystalSample, ...]
    partials: tuple[Array, ...]


def pixel_sums(experiment: Experiment, scene: Scene, pixels: Pixels) -> Array:
    """Each pixel of a tile in electrons squared times steradians: the mean over rays and orientations, plus background.

    Memory does not depend on the number of samples: rays and orientations are scanned, and recomputed for gradients.
    """
    (total,), _ = sum_samples(experiment, scene, pixels, whole_product)
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

    def add_ray(totals: Sums, ray: RayTable) -> tuple[Sums, tuple[RaySample, list[Kept]] | None]:
        sample = sample_ray(experiment, scene, pixels, ray)
        factors, oversampled = products(experiment, sample), oversampled_factors(experiment, sample)
        alone = len(factors) == 1
        means: list[Array] = []
        kept: list[Kept] = []
        for number in range(len(scene.crystals)):
            share = share_of(scene, number, ray, sample, oversampled)
            share = share * factors[0] if alone else share
            scatterer, items = scatterer_of(experiment, scene, number).lit_by(ray), orientation_items(scene, number)
            bragg, samples = sum_orientations(scatterer, items, sample, share, keep)
            kept += [] if samples is None else [samples]
            own = [bragg] if alone else [bragg * factor for factor in factors]
            means = own if not means else [mean + more for mean, more in zip(means, own, strict=True)]
        if constant:
            background = ray.weight * constant_at(experiment, sample.scattering_per_m) * oversampled
            own = [background * factor for factor in factors]
            means = own if not means else [mean + more for mean, more in zip(means, own, strict=True)]
        sums = tuple(total + mean for total, mean in zip(totals, means, strict=True)) if means else totals
        return sums, ((sample, kept) if keep else None)

    constant = any(map(is_constant, experiment.backgrounds))
    start = zero_sums(experiment, scene, pixels, products)
    if not all(map(is_constant, experiment.backgrounds)):
        start = background_sums(experiment, scene, pixels, products)
    if not (scene.crystals or constant or keep):
        return start, None
    totals, found = jax.lax.scan(jax.checkpoint(add_ray, prevent_cse=False), start, scene.rays)
    return totals, (None if found is None else samples_of(*found))


def last_sample(experiment: Experiment, scene: Scene, pixels: Pixels) -> tuple[RaySample, CrystalSample | None]:
    """The sample of the last ray, and of the last orientation of the last crystal if there is one."""
    sample = sample_ray(experiment, scene, pixels, last_row(scene.rays))
    if not scene.crystals:
        return sample, None
    number = len(scene.crystals) - 1
    item = last_row(orientation_items(scene, number))
    scatterer = scatterer_of(experiment, scene, number).lit_by(last_row(scene.rays))
    return sample, evaluate_with(scatterer, sample)(item)


def background_sums(experiment: Experiment, scene: Scene, pixels: Pixels, products: Products) -> Sums:
    """The smooth backgrounds in each product, with the oversampled factors: once for all rays, at pixels' middles."""
    sample = mean_sample(experiment, scene, pixels)
    oversampled = oversampled_factors(experiment, sample)
    first, *others = backgrounds_seen(experiment, scene, pixels, sample)
    whole = sum(others, first) * oversampled
    return tuple((whole * factor).astype(pixels.slow.dtype) for factor in products(experiment, sample))


def mean_backgrounds(experiment: Experiment, scene: Scene, pixels: Pixels) -> tuple[Array, ...]:
    """Each background in the mean over the rays, with the oversampled factors."""
    if not experiment.backgrounds:
        return ()
    smooth: list[Array] = []
    if not all(map(is_constant, experiment.backgrounds)):
        sample = mean_sample(experiment, scene, pixels)
        oversampled = oversampled_factors(experiment, sample)
        smooth = [seen * oversampled for seen in backgrounds_seen(experiment, scene, pixels, sample)]

    def of_rays(number: int) -> Array:
        alone = chosen(experiment, backgrounds=(number,))

        def add_ray(total: Array, ray: RayTable) -> tuple[Array, None]:
            sample = sample_ray(experiment, scene, pixels, ray)
            scattered = constant_at(alone, sample.scattering_per_m)
            return total + ray.weight * scattered * oversampled_factors(experiment, sample), None

        return jax.lax.scan(add_ray, jnp.zeros_like(pixels.slow), scene.rays)[0]

    return tuple(
        of_rays(number) if is_constant(term) else smooth.pop(0) for number, term in enumerate(experiment.backgrounds)
    )


def share_of(scene: Scene, number: int, ray: RayTable, sample: RaySample, oversampled: Array) -> Array:
    """The weight of each orientation of a crystal in the mean over the samples, with the oversampled factors."""
    weight = ray.weight * orientation_weight(scene.crystals[number])
    share = jnp.where(sample.resolved, weight, 0.0) * oversampled
    kept = fall_off_of(scene.crystals[number], sample)
    return share if kept is None else share * kept


def fall_off_of(crystal: CrystalScene, sample: RaySample) -> Array | None:
    """What displacements of the atoms leave of a crystal's intensity; None: all of it."""
    return None if crystal.fall_off_m2 is None else debye_waller(crystal.fall_off_m2, sample.scattering_per_m)


def orientation_weight(crystal: CrystalScene) -> Array | float:
    """The mosaic blocks of a crystal in its share of the beam, shared out among its orientations."""
    weight: Array | float = 1.0 if crystal.mosaic_blocks is None else crystal.mosaic_blocks
    weight = weight if crystal.beam_share is None else weight * crystal.beam_share
    return weight / len(crystal.orientations_m)


def sum_orientations(
    scatterer: Scatterer, items: Orientation, sample: RaySample, weight: Array, keep: bool
) -> tuple[Array, Kept | None]:
    """Sum of the intensities of a crystal's orientations, weighted, and what is kept of them."""
    if not keep and has_orientation_sum(scatterer):
        direct_m, direct_low, _ = items
        low = None if direct_low is None else (direct_low, sample.scattering_low_per_m)
        return orientation_sum(weight, scatterer, direct_m, sample.scattering_per_m, low), None
    return weighted_sum(scatterer, items, evaluate_with(scatterer, sample), weight, keep)


def weighted_sum(
    scatterer: Scatterer, items: Orientation, evaluate: Evaluate, weight: Array, keep: bool
) -> tuple[Array, Kept | None]:
    """``weight`` times the sum of the intensities of some orientations, one after the other."""

    def add(sums: Sums, crystal: CrystalSample) -> tuple[Sums, Array]:
        total = sums[0] + crystal.intensity
        return (total,), total

    (bragg,), kept = over_orientations(scatterer, items, evaluate, (jnp.zeros_like(weight),), add, keep)
    return weight * bragg, kept


def over_orientations(
    scatterer: Scatterer, items: Orientation, evaluate: Evaluate, start: Sums, combine: Combine, keep: bool
) -> tuple[Sums, Kept | None]:
    """Combine the sample of every orientation with the sums, one after the other."""

    def step(sums: Sums, item: Orientation) -> tuple[Sums, Kept | None]:
        crystal = evaluate(item)
        combined, shown = combine(sums, crystal)
        sums = tuple(new.astype(old.dtype) for new, old in zip(combined, sums, strict=True))
        return sums, ((crystal, shown) if keep else None)

    # a few orientations in one loop load each pixel's scattering vector and sum once for all of them; beside the 64
    # lookups of an interpolation that is nothing, and would only take longer to compile
    at_once = divisor(len(items[0]), 1 if scatterer.factors.interpolate else AT_ONCE)
    return jax.lax.scan(jax.checkpoint(step), start, items, unroll=at_once)


def evaluate_with(scatterer: Scatterer, sample: RaySample) -> Evaluate:
    """The function that evaluates an orientation for a ray."""
    return lambda item: sample_crystal(scatterer, item[0], sample.scattering_per_m, low_of(sample, item))


def low_of(sample: RaySample, item: Orientation) -> Low:
    """Low parts of an orientation and of the ray's scattering vector."""
    if item[1] is None or sample.scattering_low_per_m is None:
        return None
    return item[1], sample.scattering_low_per_m


def orientation_items(scene: Scene, number: int) -> Orientation:
    """Every orientation of a crystal, to scan over."""
    direct_m = scene.crystals[number].orientations_m
    low = None if scene.low is None else scene.low.crystals[number].orientations_m
    return direct_m, low, jnp.arange(len(direct_m), dtype=jnp.int32)


def zero_sums(experiment: Experiment, scene: Scene, pixels: Pixels, products: Products) -> Sums:
    """A sum of nothing for each product."""
    first = sample_ray(experiment, scene, pixels, jax.tree.map(lambda rows: rows[0], scene.rays))
    return tuple(jnp.zeros_like(pixels.slow) for _ in products(experiment, first))


def samples_of(ray: RaySample, kept: list[Kept]) -> Samples:
    """What the rays kept, as one."""
    return Samples(ray, tuple(crystal for crystal, _ in kept), tuple(partial for _, partial in kept))


def last_row(tree: T) -> T:
    """The last entry along the first axis of every array."""
    return jax.tree.map(lambda rows: rows[-1], tree)


def whole_product(experiment: Experiment, sample: RaySample) -> Sums:
    """The product of all factors that are not oversampled."""
    return (fixed_factors(experiment, sample)[-1],)


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
