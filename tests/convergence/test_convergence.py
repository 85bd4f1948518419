"""The counts that a configuration needs: what they leave out, a four times finer image shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import numpy as np
import pytest
from cases import small_config

from nbjax import prepare
from nbjax.config.edit import with_values
from nbjax.config.tree import Config
from nbjax.convergence import dimension
from nbjax.convergence.convergence import Convergence, converge
from nbjax.errors import ConfigError
from nbjax.experiment import chosen
from nbjax.pipeline.render import render

pytestmark = pytest.mark.filterwarnings("ignore::nbjax.errors.ConfigWarning")

CRYSTAL = {"shape": "gauss", "cells": (5, 4, 5)}


def image_of(config: Config, values: dict[str, Any]) -> np.ndarray:
    return render(chosen(prepare(with_values(config, values)), backgrounds=()), devices=jax.devices()[:1])


def errors_of(config: Config, found: Convergence) -> tuple[float, float]:
    """Largest difference over the largest pixel, and of the total, to an image of four times as many of each."""
    finer = {one.key: 4 * found.found.counts[one.name] for one in found.dimensions}
    mine, wanted = image_of(config, found.values), image_of(config, {**found.values, **finer})
    return float(np.abs(mine - wanted).max() / wanted.max()), float(abs(mine.sum() / wanted.sum() - 1))


def names_of(found: Convergence) -> list[str]:
    return [one.name for one in found.dimensions]


@pytest.mark.parametrize("error", [0.1, 0.004])
def test_a_perfect_still_needs_subpixels_alone(error: float) -> None:
    config = small_config(crystal=CRYSTAL)
    found = converge(config, error)
    assert found.found.met
    assert names_of(found) == ["subpixels along an edge"]
    assert max(errors_of(config, found)) < error
    count = found.found.counts["subpixels along an edge"]
    # half as many are too few
    assert count > 1
    fewer = replace(found, found=replace(found.found, counts={"subpixels along an edge": count // 2}))
    assert max(errors_of(config, fewer)) > error


def test_a_mosaic_crystal_needs_domains_too() -> None:
    config = small_config(
        crystal={**CRYSTAL, "mosaic_spread_deg": 0.5, "water_um": 5.0}, sampling={"mosaic_domains": 4}
    )
    found = converge(config, 0.1)
    assert found.found.met
    assert names_of(found) == ["subpixels along an edge", "mosaic domains"]
    assert max(errors_of(config, found)) < 0.1
    assert found.found.counts["mosaic domains"] > 4
    assert found.needed_s > found.given_s
    assert found.given is not None
    assert found.given.largest > 0.1


@pytest.mark.parametrize(
    "rotation",
    [{"sampling": {"phi_steps": 3}}, {"sampling": {"phi_step_deg": 0.5}}],
    ids=["count", "spacing"],
)
def test_a_rotation_needs_steps(rotation: dict[str, Any]) -> None:
    config = small_config(crystal={**CRYSTAL, "phi_range_deg": 2.0}, **rotation)
    found = converge(config, 0.02)
    assert found.found.met
    assert names_of(found) == ["subpixels along an edge", "phi steps"]
    assert max(errors_of(config, found)) < 0.02


def test_directions_and_wavelengths_are_counted() -> None:
    config = small_config(crystal=CRYSTAL, beam={"divergence_horizontal_mrad": 3.0, "dispersion_percent": 1.0})
    found = converge(config, 0.05)
    assert found.found.met
    assert names_of(found) == ["subpixels along an edge", "wavelengths", "horizontal directions"]
    assert max(errors_of(config, found)) < 0.05


def test_what_cannot_be_met_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(dimension._MOST, "sampling.oversample", 4)
    found = converge(small_config(crystal=CRYSTAL), 1e-4)
    assert not found.found.met
    assert found.found.short == ("subpixels along an edge",)
    assert found.found.counts == {"subpixels along an edge": 1}


def test_an_image_without_reflections_is_refused() -> None:
    dark = small_config(crystal={**CRYSTAL, "water_um": 5.0}, sampling={"resolution_limit_A": 1000.0})
    with pytest.raises(ConfigError, match=r"^crystal: scatters no photon into the image, .*resolution_limit_A = 1000 "):
        converge(dark, 0.01)
