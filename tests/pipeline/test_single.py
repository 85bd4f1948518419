"""Precision single: images and gradients without a single 64-bit float."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
from cases import residual, small_config

from nbjax import prepare, simulate
from nbjax.config.tree import Config
from nbjax.experiment import Experiment
from nbjax.pipeline.sharding import simulate_on


def _demanding() -> Config:
    """A hundred cells an axis at 1 A, every rotation, and a detector close enough for large Miller indices."""
    return small_config(
        beam={"wavelength_A": 1.0, "dispersion_percent": 0.4},
        crystal={
            "cells": (100, 100, 100),
            "misset_deg": (3.0, -2.0, 7.0),
            "mosaic_spread_deg": 0.05,
            "phi_start_deg": 2.0,
            "phi_range_deg": 0.3,
        },
        detector={"rotation_x_deg": 2.0, "rotation_z_deg": -3.0, "two_theta_deg": 12.0, "distance_mm": 15.0},
        sampling={"dispersion_steps": 2, "mosaic_domains": 3, "phi_steps": 2},
    )


def _of(config: Config, precision: str) -> Experiment:
    return prepare(replace(config, precision=precision))  # type: ignore[arg-type]


def _slopes(experiment: Experiment) -> tuple[float, Experiment]:
    """A sum over the image, and its gradient."""
    image, back = jax.vjp(simulate, experiment)
    return image, back(jnp.cos(jnp.arange(image.size, dtype=image.dtype)).reshape(image.shape))[0]


def test_no_64_bit_float_and_an_error_below_1e_4() -> None:
    wanted, slope = jax.jit(_slopes)(_of(_demanding(), "double"))
    with jax.enable_x64(False):
        experiment = _of(_demanding(), "single")
        compiled = jax.jit(_slopes).lower(experiment).compile()
        image, found = compiled(experiment)
        rounded = replace(experiment, low=jax.tree.map(jnp.zeros_like, experiment.low))
        lost, _ = compiled(rounded)
    assert "f64" not in compiled.as_text()
    assert image.dtype == jnp.float32
    assert residual(np.asarray(image), np.asarray(wanted)) < 5e-5
    assert residual(np.asarray(lost), np.asarray(wanted)) > 1e-4
    for part in ("beam", "crystal", "panel"):
        for (path, a), b in zip(
            jax.tree.leaves_with_path(getattr(found, part)), jax.tree.leaves(getattr(slope, part)), strict=True
        ):
            np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-3 * np.abs(b).max(), err_msg=str(path))
    assert all(not np.any(x) for x in jax.tree.leaves(found.low))


def test_with_x64_it_is_the_same_image() -> None:
    experiment = _of(small_config(), "single")
    assert {x.dtype for x in jax.tree.leaves(experiment)} == {np.dtype("float32")}
    compiled = jax.jit(simulate).lower(experiment).compile()
    assert "f64" not in compiled.as_text()
    with jax.enable_x64(False):
        image = np.asarray(simulate(_of(small_config(), "single")))
        np.testing.assert_array_equal(compiled(experiment), image)
        # what a user replaces, or a device, need not be replaced in ``low``
        tiled = replace(experiment, grid=replace(experiment.grid, tile=100))
        assert residual(np.asarray(simulate_on(jax.devices(), tiled)), image) < 1e-6
