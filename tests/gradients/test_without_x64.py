"""Gradients where JAX has 64-bit floats switched off, against differences in 64 bits."""

from __future__ import annotations

import itertools
import warnings
from dataclasses import replace
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import small_config

from nbjax import prepare, simulate
from nbjax.errors import PrecisionWarning
from nbjax.experiment import Experiment
from nbjax.parameters.parameter import look_up, put

STEPS = {
    "panel.distance_m": 1e-6,
    "crystal.cell.misset_rad": 1e-6,
    "crystal.cell.lengths_m": 1e-14,
    "crystal.cells": 1e-3,
    "beam.wavelength_m": 1e-15,
}
WEIGHTS = np.random.default_rng(3).uniform(0.5, 1.5, (24, 20))


def experiment(shape: str, precision: str) -> Experiment:
    crystal = {"shape": shape, "misset_deg": (1.0, -2.0, 3.0), "mosaic_spread_deg": 0.1}
    config = small_config(crystal=crystal, sampling={"mosaic_domains": 2})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PrecisionWarning)
        return prepare(replace(config, precision=precision))


def weighted(e: Experiment, values: dict[str, Any]) -> jax.Array:
    for path, value in values.items():
        e = put(e, path, value)
    return (simulate(e) * WEIGHTS).sum()


@cache
def differences(shape: str) -> dict[str, float]:
    """Of the weighted sum by the steps of each parameter, in 64 bits."""
    e = experiment(shape, "double")
    at = {path: np.asarray(look_up(e, path)) for path in STEPS}
    total = jax.jit(lambda values: weighted(e, values))

    def along(path: str, h: float) -> float:
        up, down = (float(total({**at, path: at[path] + s * h * STEPS[path]})) for s in (1, -1))
        return (up - down) / (2 * h)

    return {path: (4 * along(path, 0.5) - along(path, 1.0)) / 3 for path in STEPS}


@pytest.mark.parametrize(
    ("shape", "precision"),
    [*itertools.product(["square", "round", "gauss"], ["double", "mixed"]), ("round", "single")],
)
def test_gradients_in_32_bits_match_differences_in_64(shape: str, precision: str) -> None:
    wanted = differences(shape)
    with jax.enable_x64(False), warnings.catch_warnings():
        warnings.simplefilter("ignore", PrecisionWarning)
        e = experiment(shape, precision)
        at = {path: look_up(e, path) for path in STEPS}

        along = {path: jnp.full_like(value, STEPS[path]) for path, value in at.items()}

        @jax.jit
        def both_ways(values: dict[str, Any]) -> tuple[dict[str, Any], jax.Array]:
            _, change = jax.jvp(lambda v: weighted(e, v), (values,), (along,))
            return jax.grad(lambda v: weighted(e, v))(values), change

        backward, forward = both_ways(at)
        assert {leaf.dtype for leaf in jax.tree.leaves((backward, forward))} == {jnp.dtype("float32")}
    changes = {path: float(backward[path].sum()) * STEPS[path] for path in STEPS}
    assert changes == pytest.approx(wanted, rel=1e-3)
    assert float(forward) == pytest.approx(sum(wanted.values()), abs=1e-3 * max(map(abs, wanted.values())))
