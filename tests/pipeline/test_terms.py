"""Several crystals and backgrounds, or none: an image is the sum of its terms, and so is a trace."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import small_config

from nbjax import Experiment, prepare, put, simulate, simulate_batch, simulate_pixels, stack, trace
from nbjax.config.tree import Precision
from nbjax.errors import StructureError
from nbjax.reference.ledger import check_names

PIXELS = np.array([[0, 0], [11, 9], [5, 17]])
RICH = {
    "crystal": {"water_um": 0.02, "phi_range_deg": 1.0, "mosaic_spread_deg": 0.5},
    "sampling": {"phi_steps": 2, "mosaic_domains": 2, "oversample": 2},
    "beam": {"dispersion_percent": 1.0},
}


@cache
def one(precision: Precision = "double") -> Experiment:
    config = replace(small_config(**RICH), precision=precision)
    return prepare(replace(config, sampling=replace(config.sampling, dispersion_steps=2)))


@cache
def other() -> Experiment:
    """A crystal of another shape, with fewer orientations, turned another way."""
    return prepare(small_config(crystal={"shape": "round", "misset_deg": (3.0, 2.0, 1.0)}))


def both() -> Experiment:
    (water,) = one().backgrounds
    more = put(water, "size_m", 2 * water.size_m)
    return replace(one(), crystals=(*one().crystals, *other().crystals), backgrounds=(water, more))


def terms(whole: Experiment) -> list[Experiment]:
    alone = [replace(whole, crystals=(crystal,), backgrounds=()) for crystal in whole.crystals]
    return alone + [replace(whole, crystals=(), backgrounds=(term,)) for term in whole.backgrounds]


def test_the_image_of_several_terms_is_the_sum_of_their_images() -> None:
    parts = [np.asarray(simulate(part)) for part in terms(both())]
    assert all(part.max() > 0 for part in parts)
    np.testing.assert_allclose(simulate(both()), sum(parts), rtol=1e-11)
    assert parts[3] == pytest.approx(8 * parts[2], rel=1e-13)


def test_without_any_term_the_image_is_dark() -> None:
    dark = replace(one(), crystals=(), backgrounds=())
    assert not np.asarray(simulate(dark)).any()
    stages = trace(dark, PIXELS, samples=True)
    assert not np.asarray(stages.I_pixel_photons).any()
    assert stages.samples == ()


def test_the_trace_of_several_terms_is_their_sum_and_ends_with_the_image() -> None:
    stages, image = trace(both(), PIXELS, samples=True), simulate_pixels(both(), PIXELS)
    np.testing.assert_allclose(stages.product_photons(), image, rtol=1e-13)
    assert stages.samples is not None
    bragg = sum(
        (crystal.weight * crystal.intensity_electrons_squared).reshape(len(PIXELS), -1).sum(1)
        for crystal in stages.samples
    )
    before = bragg * stages.steps + stages.background_electrons_squared
    np.testing.assert_allclose(before, stages.before_scaling_electrons_squared, rtol=1e-12)
    first, second = (crystal.running_electrons_squared for crystal in stages.samples)
    assert first is not None
    assert second is not None
    # the second crystal's samples of a ray come after those of the first
    np.testing.assert_allclose(second[:, -1, -1, -1, -1, -1, -1], before, rtol=1e-12)
    assert (first[:, -1, -1, -1, -1, -1, -1] < second[:, -1, -1, -1, -1, -1, -1]).all()


def test_each_term_has_its_own_derivatives() -> None:
    def total(experiment: Experiment) -> jax.Array:
        return simulate(experiment).sum()

    whole = jax.grad(total)(both())
    for number, part in enumerate(terms(both())[:2]):
        alone = jax.grad(total)(part)
        for found, wanted in zip(
            jax.tree.leaves(whole.crystals[number]), jax.tree.leaves(alone.crystals[0]), strict=True
        ):
            scale = float(jnp.abs(wanted).max())
            np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-11 * scale)
    (size_m, other_m) = (term.size_m for term in both().backgrounds)
    slopes = [term.size_m for term in whole.backgrounds]
    assert float(slopes[1] / slopes[0]) == pytest.approx(float(other_m / size_m) ** 2, rel=1e-12)


def test_several_terms_are_stacked_and_mapped() -> None:
    moved = put(both(), "crystals.1.cells", both().crystals[1].cells * 1.1)
    images = simulate_batch(stack([both(), moved]))
    np.testing.assert_allclose(images[1], simulate(moved), rtol=1e-12)
    with pytest.raises(StructureError, match=r"backgrounds\[1\].size_m has shape \(\) in the one and absent"):
        stack([both(), one()])


@pytest.mark.parametrize("precision", ["mixed", "single"])
def test_terms_add_up_in_every_precision(precision: Precision) -> None:
    start = one(precision)
    low = None if start.low is None else replace(start.low, crystals=start.low.crystals * 2)
    twice = replace(start, crystals=start.crystals * 2, low=low)
    (water,) = (term for term in terms(one()) if term.backgrounds)
    crystal, background = 2 * (simulate(one()) - simulate(water)), simulate(water)
    np.testing.assert_allclose(simulate(twice) - background, crystal, rtol=1e-4)


def test_the_reference_knows_one_crystal_and_water() -> None:
    experiment = prepare(replace(small_config(), parity=check_names(["star_shape"])))
    with pytest.raises(StructureError, match="with 2 crystals and 0 backgrounds leave parity out"):
        simulate(replace(experiment, crystals=experiment.crystals * 2))
