"""Backgrounds that are interpolated over blocks of pixels equal those of each pixel, with their derivatives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nbjax
from nbjax.config.tree import Background, Beam, Config, Crystal, Detector, Shadow
from nbjax.experiment import Experiment
from nbjax.physics.backgrounds.amorphous import Amorphous
from nbjax.physics.backgrounds.tabulated import Tabulated
from nbjax.physics.screens.chart import Chart
from nbjax.pipeline.backdrop import backdrop, interpolated_part, is_interpolated
from nbjax.pipeline.image import complete_scene, interpolated


def experiment(**detector: Any) -> Experiment:
    config = Config(
        Beam(wavelength_A=1.0, flux_photons_per_s=1e12, exposure_s=0.1, beamsize_mm=0.05),
        Crystal(cell_A=(20.0, 25.0, 30.0), default_F=1.0, water_um=5.0),
        Detector(pixel_mm=0.5, pixels_fast=70, pixels_slow=100, distance_mm=60.0, **detector),
        background=(Background(material="water", thickness_mm=0.1),),
        shadow=(Shadow(distance_mm=10.0, diameter_mm=1.0),),
    )
    return replace(nbjax.prepare(config), crystals=())


TILTED: dict[str, Any] = {
    "rotation_y_deg": 12.0,
    "thickness_um": 300.0,
    "attenuation_depth_um": 200.0,
    "roi": (2, 68, 1, 99),
}


@pytest.fixture(scope="module")
def made() -> Experiment:
    with jax.enable_x64(True):
        return experiment(**TILTED)


def moved(made: Experiment, step: jax.Array) -> Experiment:
    changed = nbjax.put(made, "detector.panels.distance_m", jnp.asarray(made.panel.distance_m) * (1 + 1e-3 * step))
    thickness_m = jnp.asarray(nbjax.fields.look_up(made, "backgrounds.1.thickness_m"))
    return nbjax.put(changed, "backgrounds.1.thickness_m", thickness_m * (1 + 0.1 * step))


def test_images_and_derivatives_are_those_of_each_pixel(made: Experiment) -> None:
    def both(function: Any) -> Any:
        return jax.jit(lambda e: jax.jvp(lambda step: function(moved(e, step)), (jnp.zeros(()),), (jnp.ones(()),)))

    found, found_t = both(interpolated)(made)
    wanted, wanted_t = both(nbjax.simulate)(made)
    assert np.asarray(wanted).min() == 0
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    np.testing.assert_allclose(found_t, wanted_t, atol=1e-3 * float(jnp.abs(wanted_t).max()))
    assert not np.array_equal(found, wanted)


def test_blocks_that_polynomials_do_not_follow_are_noticed(made: Experiment) -> None:
    part, _ = interpolated_part(made)
    near = nbjax.put(part, "detector.panels.distance_m", jnp.asarray(2e-3))
    is_right = jax.jit(lambda e: backdrop(e, complete_scene(e)).right)
    assert is_right(part)
    assert not is_right(near)


def test_what_is_interpolated(made: Experiment) -> None:
    assert not is_interpolated(made)
    large = replace(made, grid=replace(made.grid, slow=1024, fast=1024, roi=(0, 1024, 0, 1024)))
    assert is_interpolated(large)
    _, water = large.backgrounds
    assert isinstance(water, Amorphous)
    places = jnp.linspace(0.0, 2e10, 50_001)
    rings = replace(water, amplitude=Tabulated(places, places, even=True))
    varied = replace(water, variation=Chart(jnp.ones((5, 5))))
    regular, others = interpolated_part(replace(large, backgrounds=(*large.backgrounds, rings, varied)))
    assert regular.backgrounds == large.backgrounds
    assert others.backgrounds == (rings, varied)
    assert not is_interpolated(others)
