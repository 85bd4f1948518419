"""The simulator under jit, vmap and grad."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import small_config

from nbjax import Experiment, prepare, put, simulate, simulate_batch, simulate_pixels, stack
from nbjax.errors import StructureError

CONFIG = small_config(
    beam={"polarization": 0.6},
    crystal={"mosaic_spread_deg": 0.3, "phi_range_deg": 1.0, "water_um": 5.0, "shape": "gauss"},
    detector={"thickness_um": 300.0, "attenuation_depth_um": 250.0, "rotation_y_deg": 4.0},
    sampling={"oversample": 2, "mosaic_domains": 3, "phi_steps": 2, "oversample_solid_angle": True},
)


def test_jit_changes_nothing() -> None:
    experiment = prepare(CONFIG)
    with jax.disable_jit(False):
        np.testing.assert_allclose(jax.jit(simulate)(experiment), simulate(experiment), rtol=1e-14)


def test_vmap_over_a_batch_of_experiments() -> None:
    first = prepare(CONFIG)
    second = replace(first, beam=replace(first.beam, wavelength_m=first.beam.wavelength_m * 1.01))
    batch = stack([first, second])
    images = simulate_batch(batch)
    assert images.shape == (2, 24, 20)
    for image, experiment in zip(images, (first, second), strict=True):
        wanted = simulate(experiment)
        np.testing.assert_allclose(image, wanted, rtol=1e-9, atol=1e-12 * wanted.max())
    spots = jnp.array([[3, 4], [20, 1]])
    pixels = jax.vmap(simulate_pixels, in_axes=(0, None))(batch, spots)
    np.testing.assert_allclose(pixels, images[:, spots[:, 0], spots[:, 1]], rtol=1e-9)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sampling": replace(CONFIG.sampling, oversample=3)}, "grid is Grid("),
        (
            {"sampling": replace(CONFIG.sampling, mosaic_domains=4)},
            "crystals[0].mosaic.angle_ratios has shape (3,) in the one",
        ),
        ({"precision": "mixed"}, "precision is 'double' in the one and 'mixed' in the other"),
        ({"crystal": replace(CONFIG.crystal, shape="round")}, "a choice differs"),
        (
            {"detector": replace(CONFIG.detector, distance_mm=None, close_distance_mm=90.0)},
            "detector.panels.close_distance_m has",
        ),
    ],
)
def test_experiments_of_different_structure_are_not_stacked(change: dict[str, Any], said: str) -> None:
    with pytest.raises(StructureError, match=re.escape(f"experiments 0 and 1 cannot be stacked: {said}")):
        stack([prepare(CONFIG), prepare(replace(CONFIG, **change))])


@pytest.mark.parametrize("shape", ["square", "round", "gauss"])
def test_gradient_of_every_leaf_is_finite(shape: str) -> None:
    config = replace(CONFIG, crystal=replace(CONFIG.crystal, shape=shape))
    gradient = jax.grad(lambda e: simulate(e).sum())(prepare(config))
    leaves = jax.tree.leaves(gradient)
    assert leaves
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in leaves)
    assert float(gradient.beam.fluence_photons_per_m2) > 0


def test_gradient_of_the_distance_matches_a_finite_difference() -> None:
    experiment = prepare(CONFIG)
    weights = jnp.linspace(0.5, 1.5, 480).reshape(24, 20)

    def total(distance_m: jax.Array) -> jax.Array:
        return (weights * simulate(put(experiment, "panel.distance_m", distance_m))).sum()

    at = experiment.panel.distance_m
    step = 1e-7
    difference = (total(at + step) - total(at - step)) / (2 * step)
    np.testing.assert_allclose(jax.grad(total)(at), difference, rtol=1e-6)


def test_static_choices_and_traced_numbers_are_apart() -> None:
    experiment = prepare(CONFIG)
    leaves = jax.tree.leaves(experiment)
    assert all(jnp.issubdtype(leaf.dtype, jnp.floating) for leaf in leaves)
    other = replace(experiment, beam=replace(experiment.beam, kahn_factor=jnp.float64(0.1)))
    assert jax.tree.structure(other) == jax.tree.structure(experiment)
    assert isinstance(experiment, Experiment)
