from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import small_config

from nbjax import prepare, simulate, simulate_batch, simulate_pixels, stack, trace
from nbjax.errors import ArgumentError, ConfigError
from nbjax.experiment import listed
from nbjax.pipeline.arguments import one_experiment, pixels_of, stacked_experiments

EXPERIMENT = prepare(replace(small_config(), precision="single"))
GRID = EXPERIMENT.grid
"""24 x 20 pixels."""


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (small_config(), "got Config, an Experiment is wanted; nbjax.prepare"),
        ("run.toml", "got 'run.toml', an Experiment is wanted; read and prepare it"),
        (Path("run.toml"), "read and prepare it"),
        ([EXPERIMENT, EXPERIMENT], "nbjax.simulate_batch"),
        (None, "got NoneType, an Experiment is wanted"),
        (stack([EXPERIMENT] * 2), "got the experiments of nbjax.stack, one is wanted"),
        (
            replace(EXPERIMENT, crystals=EXPERIMENT.crystal),
            "crystals of the experiment: got CrystalParameters, a tuple",
        ),
        (replace(EXPERIMENT, backgrounds=None), "backgrounds of the experiment: got NoneType, a tuple is wanted"),
    ],
)
def test_what_is_no_experiment_is_refused_by_name(given: Any, said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        one_experiment(given)


def test_a_batch_is_of_stacked_experiments() -> None:
    with pytest.raises(ArgumentError, match=r"nbjax\.simulate renders one"):
        simulate_batch(EXPERIMENT)
    with pytest.raises(ArgumentError, match="several of equal structure"):
        stacked_experiments([EXPERIMENT] * 2)
    with pytest.raises(ArgumentError, match="give one or more"):
        stack([])
    with pytest.raises(ArgumentError, match="give a list"):
        listed(EXPERIMENT)
    with pytest.raises(ArgumentError, match="experiment 1 is a Config"):
        listed([EXPERIMENT, small_config()])
    assert stacked_experiments(stack(listed(iter([EXPERIMENT] * 3)))).panel.distance_m.shape == (3,)


@pytest.mark.parametrize("function", [simulate, lambda e: simulate_pixels(e, [[0, 0]]), lambda e: trace(e, [[0, 0]])])
def test_every_function_of_one_experiment_says_what_takes_several(function: Callable) -> None:
    with pytest.raises(ArgumentError, match=r"nbjax\.simulate_batch"):
        function(stack([EXPERIMENT] * 2))


@pytest.mark.parametrize(
    ("pixels", "said"),
    [
        ([[24, 0]], r"\(slow, fast\) = \(24, 0\) lies outside the image; give slow 0 to 23 and fast 0 to 19"),
        ([[0, 0], [0, 20]], r"\(0, 20\) lies outside"),
        ([[-1, 0]], r"\(-1, 0\) lies outside"),
        ([[2**40, 0]], "lies outside"),
        ([[1.5, 0]], "whole numbers"),
        ([[np.nan, 0]], "whole numbers"),
        ([[True, False]], "whole numbers"),
        ([["a", "b"]], "whole numbers"),
        ([3, 4], r"shape \(n, 2\)"),
        ([[[1, 1]]], r"shape \(n, 2\)"),
        ([[1, 1], [2]], r"shape \(n, 2\)"),
        (None, r"shape \(n, 2\)"),
    ],
)
def test_what_names_no_pixel_is_refused(pixels: Any, said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        pixels_of(GRID, pixels)


@pytest.mark.parametrize("function", [simulate_pixels, trace])
def test_no_function_takes_pixels_outside(function: Callable) -> None:
    with pytest.raises(ArgumentError, match="lies outside the image"):
        function(EXPERIMENT, [[0, 20]])


def test_no_pixels_have_no_photons() -> None:
    for none in ([], (), np.zeros((0, 2), int)):
        assert simulate_pixels(EXPERIMENT, none).shape == (0,)


def test_whole_floats_and_traced_pixels_are_taken() -> None:
    assert pixels_of(GRID, [[1.0, 2.0]]).tolist() == [[1, 2]]
    assert pixels_of(GRID, jnp.array([[23, 19]])).tolist() == [[23, 19]]
    assert jax.jit(lambda p: pixels_of(GRID, p) + 1)(jnp.array([[1, 2]])).tolist() == [[2, 3]]
    assert jax.jit(lambda i: pixels_of(GRID, [[i, 4]]))(3).tolist() == [[3, 4]]
    with pytest.raises(ArgumentError, match="whole numbers; got float"):
        jax.jit(lambda p: pixels_of(GRID, p))(jnp.ones((1, 2)))


def test_a_traced_number_is_no_number_of_a_configuration() -> None:
    config = small_config()

    def of_wavelength(wavelength_A: Any) -> Any:
        return prepare(replace(config, beam=replace(config.beam, wavelength_A=wavelength_A))).beam.wavelength_m

    with pytest.raises(ConfigError, match=r"^beam.wavelength_A: got a number that JAX traces; .* nbjax.put"):
        jax.grad(of_wavelength)(1.5)
