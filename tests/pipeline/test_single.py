"""Precision single: images and gradients without a single 64-bit float."""

from __future__ import annotations

import warnings
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import residual, small_config
from spot_in_view import spot_in_view

from nbjax import prepare, simulate
from nbjax.config.tree import Config, Shape
from nbjax.errors import PrecisionWarning
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


@pytest.mark.parametrize(("shape", "devices"), [("square", 1), ("square", 2), ("round", 1), ("gauss", 1)])
def test_every_crystal_within_the_contract_keeps_it(shape: Shape, devices: int) -> None:
    rng = np.random.default_rng(devices)
    single = jax.jit(lambda experiment: simulate_on(jax.devices()[:devices], experiment))
    double = jax.jit(simulate)
    for _ in range(12):
        config = spot_in_view(rng, shape, most_cells=150)
        longest = np.multiply(config.crystal.cell_A, config.crystal.cells).max() / config.beam.wavelength_A
        assert max(config.crystal.cells) + longest / 2000 < 230
        wanted = np.asarray(double(_of(config, "double")))
        middle = np.unravel_index(np.argmax(wanted), wanted.shape)
        assert all(abs(at - 7.5) < 3 for at in middle), config
        experiment = _of(config, "single")
        # what a user replaces, or a device, need not be replaced in ``low``
        tiled = replace(experiment, grid=replace(experiment.grid, tile=100))
        with jax.enable_x64(devices == 1):
            found = single(tiled if devices > 1 else experiment)
        assert residual(np.asarray(found), wanted) < 1e-4, config


@pytest.mark.parametrize(("cells", "cell_A", "warns"), [(190, 10, False), (210, 10, True), (110, 1000, True)])
def test_a_crystal_outside_the_contract_is_warned_of(cells: int, cell_A: float, warns: bool) -> None:
    crystal = {"cells": (cells, 5, 5), "cell_A": (cell_A, 50.0, 50.0), "cell_deg": (90.0, 90.0, 90.0)}
    crystal |= {"matrix_file": None, "hkl_file": None, "default_F": 1.0}
    config = small_config(crystal=crystal, beam={"wavelength_A": 0.5})
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        _of(config, "single")
    assert any(issubclass(one.category, PrecisionWarning) for one in said) == warns
