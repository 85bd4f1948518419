"""An image of several panels is what each panel sees by itself, in every way of computing it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import small_config
from several_panels import alone, three_panels

from nbjax import prepare, simulate, simulate_batch, simulate_pixels, stack, trace
from nbjax.config.tree import Precision
from nbjax.errors import ArgumentError, StructureError
from nbjax.experiment import Experiment, shown_pixels
from nbjax.pipeline.render import render
from nbjax.pipeline.sharding import simulate_on

SETTINGS: dict[str, Any] = {
    "crystal": {"mosaic_spread_deg": 0.4, "phi_range_deg": 1.0, "water_um": 3.0},
    "detector": {"thickness_um": 300.0, "attenuation_depth_um": 200.0},
    "sampling": {"mosaic_domains": 2, "phi_steps": 2, "oversample": 2, "thickness_layers": 2},
}


@pytest.fixture(scope="module")
def single() -> Experiment:
    with jax.enable_x64(True):
        return prepare(small_config(**SETTINGS))


@pytest.fixture(scope="module")
def images(single: Experiment) -> np.ndarray:
    with jax.enable_x64(True):
        return np.stack([np.asarray(simulate(alone(single, number))) for number in range(3)])


@pytest.mark.parametrize("precision", get_args(Precision))
def test_every_panel_sees_what_it_sees_by_itself(precision: Precision) -> None:
    # what is evaluated in pairs of floats takes long to compile
    settings = {} if precision == "single" else SETTINGS
    single = prepare(replace(small_config(**settings), precision=precision))
    several = three_panels(single)
    image = np.asarray(simulate(several))
    wanted = np.stack([np.asarray(simulate(alone(single, number))) for number in range(3)])
    assert image.shape == (3, *wanted.shape[1:])
    assert not np.array_equal(image[1], image[2])
    np.testing.assert_allclose(image, wanted, rtol=1e-12 if precision == "double" else 2e-4)


def test_tiles_and_devices_do_not_change_the_image(single: Experiment, images: np.ndarray) -> None:
    several = three_panels(single)
    small = replace(several, grid=replace(several.grid, tile=67))
    np.testing.assert_allclose(np.asarray(simulate(small)), images, rtol=1e-12)
    np.testing.assert_allclose(np.asarray(simulate_on(jax.devices(), several)), images, rtol=1e-12)
    np.testing.assert_allclose(render(small, devices=jax.devices()), images, rtol=1e-12)
    batch = np.asarray(simulate_batch(stack([several, several])))
    np.testing.assert_allclose(batch, np.stack([images] * 2), rtol=1e-12)


def test_a_mask_of_one_panel_hides_nothing_of_the_others(single: Experiment, images: np.ndarray) -> None:
    several = three_panels(single)
    mask = np.ones(several.grid.shape)
    mask[1, 2:4] = 0
    image = np.asarray(simulate(replace(several, mask=jnp.asarray(mask))))
    np.testing.assert_allclose(image, images * mask, rtol=1e-12)
    assert np.array_equal(shown_pixels(replace(several, mask=jnp.asarray(mask))), mask > 0)


def test_single_pixels_are_those_of_the_image(single: Experiment, images: np.ndarray) -> None:
    several = three_panels(single)
    at = np.array([[0, 1, 2], [2, 3, 0], [1, 5, 4]])
    np.testing.assert_allclose(np.asarray(simulate_pixels(several, at)), images[tuple(at.T)], rtol=1e-12)
    stages = trace(several, at)
    np.testing.assert_allclose(np.asarray(stages.I_pixel_photons), images[tuple(at.T)], rtol=1e-12)
    for row, (panel, slow, fast) in enumerate(at):
        own = trace(alone(single, panel), np.array([[slow, fast]]))
        np.testing.assert_allclose(stages.last.position_m[row], own.last.position_m[0], rtol=1e-12)
        np.testing.assert_allclose(stages.solid_angle_sr[row], own.solid_angle_sr[0], rtol=1e-12)
        np.testing.assert_allclose(stages.capture[row], own.capture[0], rtol=1e-12)


def test_a_pixel_is_named_with_its_panel(single: Experiment) -> None:
    several = three_panels(single)
    with pytest.raises(ArgumentError, match=r"\(panel, slow, fast\) = \(3, 0, 0\) .* panel 0 to 2, slow 0 to"):
        simulate_pixels(several, [[3, 0, 0]])
    with pytest.raises(ArgumentError, match=r"shape \(n, 3\), panel, slow and fast"):
        simulate_pixels(several, [[0, 0]])
    with pytest.raises(StructureError, match="one panel, and the experiment has 3"):
        _ = several.panel


def test_a_group_moves_its_panels_alone_and_has_their_gradient() -> None:
    # without a table, whose amplitudes would jump, and with spots that bend little within a step
    single = prepare(small_config(crystal={"hkl_file": None, "default_F": 10.0, "cells": (3, 3, 3)}))
    weights = jnp.asarray(np.random.default_rng(1).random(three_panels(single).grid.shape))
    at = jnp.array([[0.0] * 6, [1e-4, -2e-4, 5e-5, 0.01, 0.02, -0.01], [0.0] * 6, [0.0] * 6, [0.0] * 6])

    @jax.jit
    def total(motion: Any) -> Any:
        return (weights * simulate(three_panels(single, motion))).sum()

    gradient = np.asarray(jax.grad(total)(at))
    rng = np.random.default_rng(2)
    for _ in range(3):
        way = rng.normal(size=(5, 6)) * [1e-7, 1e-7, 1e-7, 1e-6, 1e-6, 1e-6]
        difference = float(total(at + way) - total(at - way)) / 2
        assert abs(float((gradient * way).sum()) - difference) < 1e-5 * np.abs(gradient * way).sum()
    moved, still = (np.asarray(simulate(three_panels(single, motion))) for motion in (at, None))
    assert np.array_equal(moved[0], still[0])
    assert not np.allclose(moved[1], still[1])
    # of the panels' own shifts: where nothing turns, the whole detector's is their sum
    at_rest = np.asarray(jax.grad(total)(jnp.zeros((5, 6))))[:, :3]
    np.testing.assert_allclose(at_rest[0], at_rest[2:].sum(0), rtol=1e-9)
    np.testing.assert_allclose(at_rest[1], at_rest[3:].sum(0), rtol=1e-9)
