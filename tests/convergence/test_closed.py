"""The closed model beside the sampled one."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest
from cases import small_config

from nbjax import prepare, simulate_pixels
from nbjax.config.edit import with_values
from nbjax.convergence.change import PixelList
from nbjax.convergence.choice import choose_pixels
from nbjax.convergence.closed import closed_of
from nbjax.experiment import chosen, shown_pixels
from nbjax.pipeline.render import render

VALUES = {"sampling.mosaic_domains": 4096, "sampling.oversample": 6}


def test_of_a_mosaic_crystal_it_agrees_with_many_domains() -> None:
    crystal = {"shape": "gauss", "cells": (9, 7, 8), "mosaicity_deg": 0.2, "water_um": 3.0}
    config = small_config(crystal=crystal, detector={"pixel_mm": 0.45, "pixels_fast": 40, "pixels_slow": 48})
    experiment = prepare(with_values(config, {**VALUES, "crystal.water_um": None}))
    few = prepare(with_values(config, {"sampling.mosaic_domains": 64, "sampling.oversample": 1}))
    pixels = choose_pixels(render(chosen(few, backgrounds=()), devices=jax.devices()[:1]), shown_pixels(few))
    found = closed_of(config, VALUES, pixels, np.asarray(simulate_pixels(experiment, pixels.at)))
    assert found.why_not is None
    assert found.change is not None
    assert found.change.largest < 0.02
    assert found.seconds is not None
    assert found.seconds > 0


@pytest.mark.parametrize(
    ("crystal", "message"),
    [
        ({}, 'crystal.shape is "square", and its spots are Gaussian'),
        ({"shape": "gauss", "mosaic_spread_deg": 0.1}, "crystal.mosaic_spread_deg: got 0.1"),
        ({"shape": "gauss", "interpolate": True}, "crystal.interpolate: got true"),
    ],
)
def test_where_it_cannot_be_had_the_reason_is_told(crystal: dict[str, Any], message: str) -> None:
    config = small_config(crystal=crystal)
    experiment = prepare(config)
    image = render(experiment, devices=jax.devices()[:1])
    pixels: PixelList = choose_pixels(image, shown_pixels(experiment))
    found = closed_of(config, {}, pixels, np.asarray(simulate_pixels(experiment, pixels.at)))
    assert found.change is None
    assert found.seconds is None
    assert found.why_not is not None
    assert message in found.why_not
