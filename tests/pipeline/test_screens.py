"""Shadows in images: the same factor for sampled and closed crystals, backgrounds, single pixels, traces and spots."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import jax.numpy as jnp
import numpy as np
import pytest
from cases import small_config

from nbjax import Experiment, predict, prepare, simulate, simulate_pixels, trace
from nbjax.config.tree import Absorber, Background, Shadow
from nbjax.errors import ConfigError, StructureError
from nbjax.physics.screens.chart import Chart
from nbjax.pipeline.render import render
from nbjax.resolve import resolve
from nbjax.tracing.factors import pixel_factors

EDGE = Shadow(kind="edge", distance_mm=20.0, offset_mm=(0.3, 0.0), penumbra_mm=0.2, transmission=0.1)
WATER = Background(material="water", thickness_mm=0.1, scale=1e-12)
CLOSED = {
    "model": "closed",
    "mosaicity_deg": 0.3,
    "shape": None,
    "cells": (20, 20, 20),
    "misset_deg": (10.0, 20.0, 30.0),
}


@cache
def pair(model: str) -> tuple[Experiment, Experiment]:
    """Without and with the shadow."""
    config = replace(small_config(crystal=CLOSED if model == "closed" else {}), background=(WATER,))
    return prepare(config), prepare(replace(config, shadow=(EDGE,)))


@pytest.mark.parametrize("model", ["sampled", "closed"])
def test_all_photons_of_a_pixel_have_the_same_factor(model: str) -> None:
    without, within = pair(model)
    light = replace(without, crystals=()), replace(within, crystals=())
    factor = np.asarray(simulate(light[1])) / np.asarray(simulate(light[0]))
    assert factor.min() < 0.2
    assert factor.max() > 0.9
    bright = np.asarray(simulate(without))
    assert bright.max() > 2 * np.asarray(simulate(light[0])).max()
    shown = np.asarray(simulate(within))
    np.testing.assert_allclose(shown, bright * factor, rtol=1e-9)
    pixels = np.argwhere(bright > np.quantile(bright, 0.99))[:5]
    np.testing.assert_allclose(simulate_pixels(within, pixels), shown[tuple(pixels.T)], rtol=1e-9)
    np.testing.assert_allclose(render(within), shown, rtol=1e-9)


def test_a_trace_has_the_factor_and_ends_with_the_image() -> None:
    _, within = pair("sampled")
    pixels = np.array([[3, 4], [10, 16]])
    stages = trace(within, pixels)
    np.testing.assert_allclose(stages.product_photons(), simulate_pixels(within, pixels), rtol=1e-12)
    assert (pixel_factors(stages)["transmission"] < 1).any()


def test_spots_lose_what_their_pixels_do() -> None:
    without, within = pair("closed")
    before, after = predict(without), predict(within)
    factor = np.asarray(simulate(replace(within, crystals=()))) / np.asarray(simulate(replace(without, crystals=())))
    at = np.clip(np.floor(np.asarray(before.centre)).astype(int), 0, np.array(factor.shape)[::-1] - 1)
    np.testing.assert_allclose(after.photons / before.photons, factor[at[:, 1], at[:, 0]], atol=0.1)


def test_nothing_passes_where_a_cubic_is_less_than_nothing() -> None:
    below = replace(prepare(small_config()), screens=(Chart(jnp.full((5, 5), -0.1)),))
    assert not np.asarray(simulate_pixels(below, [[3, 4], [5, 6]])).any()


def test_a_shadow_behind_the_panel_is_told() -> None:
    near, far = (Shadow(distance_mm=distance, diameter_mm=1.0) for distance in (90.0, 200.0))
    warnings = resolve(replace(small_config(), shadow=(near, far))).warnings
    (told,) = (sentence for sentence in warnings if "shadow" in sentence)
    assert told == (
        "shadow.1.distance_mm = 200 has no effect: the panel is 100 mm from the sample, and the shadow behind it"
    )


def test_parity_knows_no_shadow() -> None:
    config = replace(small_config(), shadow=(EDGE,), parity=("water_scale",))
    with pytest.raises(ConfigError, match="shadow: the C program has no shadows; leave parity out"):
        prepare(config)
    parity = prepare(replace(small_config(), parity=("water_scale",)))
    with pytest.raises(StructureError, match="no shadows and no absorption; leave parity out"):
        simulate(replace(parity, screens=pair("sampled")[1].screens))


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (Shadow(distance_mm=20.0), "shadow.0.diameter_mm: is missing; a shadow of the kind 'disc' needs it in mm"),
        (Shadow(kind="edge"), "shadow.0.distance_mm: is missing; a shadow of the kind 'edge' needs it in mm"),
        (replace(EDGE, transmission=1.5), "shadow.0.transmission: got 1.5, must be 0 to 1; give the fraction"),
        (replace(EDGE, distance_mm=-1.0), "shadow.0.distance_mm: got -1, must be above zero; give the distance"),
    ],
)
def test_a_faulty_shadow_is_one_sentence(table: Shadow, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        prepare(replace(small_config(), shadow=(table,)))


def test_an_absorbing_sample_dims_an_image_by_its_chart() -> None:
    without, _ = pair("sampled")
    config = replace(small_config(), background=(WATER,), absorber=(Absorber(diameter_mm=0.2, attenuation_per_mm=5.0),))
    dimmed = prepare(config)
    factor = np.asarray(simulate(dimmed)) / np.asarray(simulate(without))
    # forward mu R = 0.5, and less to the side
    assert factor.min() == pytest.approx(0.48, abs=0.02)
    assert (np.diff(np.sort(factor.ravel())) >= 0).all()
    pixels = np.array([[0, 0], [5, 7]])
    np.testing.assert_allclose(trace(dimmed, pixels).product_photons(), simulate_pixels(dimmed, pixels), rtol=1e-12)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (Absorber(attenuation_per_mm=1.0), "absorber.0.diameter_mm: is missing; a sphere needs it in mm"),
        (Absorber(shape="box", attenuation_per_mm=1.0), "absorber.0.size_mm: is missing; a box needs it in mm"),
        (Absorber(diameter_mm=1.0), "absorber.0.material: is missing, and so is attenuation_per_mm; give one of them"),
        (Absorber(diameter_mm=1.0, material="watr"), "absorber.0.material: got 'watr', which is no material"),
        (
            Absorber(diameter_mm=1.0, attenuation_per_mm=-1.0),
            "absorber.0.attenuation_per_mm: got -1, must not be negative; give the attenuation per mm",
        ),
    ],
)
def test_a_faulty_absorber_is_one_sentence(table: Absorber, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        prepare(replace(small_config(), absorber=(table,)))
