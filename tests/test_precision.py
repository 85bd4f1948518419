"""What a run without 64-bit floats does and says."""

from __future__ import annotations

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import residual, small_config

from nbjax import prepare, simulate
from nbjax.errors import PrecisionWarning


def test_without_x64_a_warning_says_what_is_lost() -> None:
    exact = np.asarray(simulate(prepare(small_config())))
    with jax.enable_x64(False):
        with pytest.warns(PrecisionWarning, match="64-bit"):
            experiment = prepare(small_config())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PrecisionWarning)
            image = simulate(experiment)
        assert image.dtype == jnp.float32
    assert 1e-9 < residual(np.asarray(image), exact) < 1e-2


def test_mixed_keeps_the_geometry_in_64_bits() -> None:
    from dataclasses import replace

    image = simulate(prepare(replace(small_config(), precision="mixed")))
    assert image.dtype == jnp.float64
    assert residual(np.asarray(image), np.asarray(simulate(prepare(small_config())))) < 1e-6
