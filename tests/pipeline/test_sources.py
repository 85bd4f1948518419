"""Images of spectra and Gaussian divergences: in every precision, with their derivatives."""

from __future__ import annotations

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import small_config

from nbjax.config.edit import with_values
from nbjax.config.tree import Config
from nbjax.experiment import Experiment
from nbjax.fields import put
from nbjax.pipeline.image import simulate
from nbjax.preparation import prepare


@cache
def config() -> Config:
    beam = {"bandwidth_percent": 1.0, "channels": 7, "divergence_shape": "gaussian", "divergence_vertical_mrad": 1.0}
    return small_config(beam=beam, crystal={"shape": "gauss", "cells": (20, 20, 20)})


@cache
def experiment() -> Experiment:
    return prepare(config())


def test_precisions_agree() -> None:
    wanted = np.asarray(simulate(experiment()))
    with jax.enable_x64(False):
        found = np.asarray(simulate(prepare(with_values(config(), {"precision": "single"}))))
    assert np.abs(found - wanted).max() < 2e-6 * wanted.max()


@pytest.mark.parametrize("place", ["band", "vertical_rad", "weights"])
def test_derivatives_by_widths_and_weights(place: str) -> None:
    at = f"beam.sources.{place}"
    start = getattr(experiment().beam.sources, place)
    direction = jnp.cos(jnp.arange(start.size, dtype=float)).reshape(start.shape) * start

    @jax.jit
    def total(x: jax.Array) -> jax.Array:
        weights = jnp.cos(jnp.arange(480.0).reshape(24, 20))
        return jnp.sum(weights * simulate(put(experiment(), at, x)))

    slope = float(jax.jit(lambda x: jax.jvp(total, (x,), (direction,))[1])(start))
    step = 1e-5
    sides = [float(total(start + sign * step * direction)) for sign in (-1, 1)]
    assert slope == pytest.approx((sides[1] - sides[0]) / (2 * step), rel=1e-6)
    assert slope
