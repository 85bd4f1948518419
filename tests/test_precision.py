"""What a run without 64-bit floats does and says."""

from __future__ import annotations

import warnings
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import residual, small_config

from nbjax import prepare, simulate
from nbjax.errors import ConfigError, PrecisionWarning


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


@pytest.mark.parametrize("precision", ["double", "mixed"])
def test_without_x64_a_crystal_that_32_bits_cannot_carry_is_refused(precision: str) -> None:
    config = replace(small_config(crystal={"cells": (9, 5000, 8)}), precision=precision)
    assert prepare(config).beam.wavelength_m.dtype == jnp.float64
    with jax.enable_x64(False), pytest.raises(ConfigError, match=r'jax_enable_x64.*precision = "single"'):
        prepare(config)


def test_single_says_for_which_crystals_it_is_too_coarse() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", PrecisionWarning)
        prepare(replace(small_config(crystal={"cells": (9, 190, 8)}), precision="single"))
    with pytest.warns(PrecisionWarning, match="no more than 200; this crystal has 201 cells"):
        prepare(replace(small_config(crystal={"cells": (9, 201, 8)}), precision="single"))


def test_mixed_keeps_the_geometry_in_64_bits() -> None:
    image = simulate(prepare(replace(small_config(), precision="mixed")))
    assert image.dtype == jnp.float64
    assert residual(np.asarray(image), np.asarray(simulate(prepare(small_config())))) < 1e-6


def test_without_x64_closed_crystals_are_refused() -> None:
    config = small_config(crystal={"model": "closed", "shape": "gauss", "cells": (9, 8, 8)})
    experiment = prepare(config)
    with jax.enable_x64(False):
        for attempt in (lambda: prepare(config), lambda: simulate(experiment)):
            with pytest.raises(ConfigError, match=r"^precision: got 'double'.*closed.*jax_enable_x64"):
                attempt()
