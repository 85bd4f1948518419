from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nbjax.config.tree import Beam, Config, Crystal
from nbjax.errors import ConfigError
from nbjax.preparation import prepare
from nbjax.resolve import resolve
from nbjax.sampling.sources import SourceSpread

CLOSED = Config(crystal=Crystal(cell_A=(50.0, 60.0, 70.0), cells=(20, 20, 20), default_F=1.0, model="closed"))


def closed(**sections: Any) -> Config:
    config = CLOSED
    for name, value in sections.items():
        config = replace(
            config, **{name: replace(getattr(config, name), **value) if isinstance(value, dict) else value}
        )
    return config


def test_the_closed_model_has_gaussian_spots_and_no_draws() -> None:
    resolved = resolve(closed(crystal={"mosaicity_deg": 0.1, "phi_range_deg": 0.5, "cells": (2, 2, 2)}))
    assert (resolved.crystal.shape, resolved.crystal.interpolate, resolved.crystal.mosaic_domains) == (
        "gauss",
        False,
        1,
    )
    assert (resolved.crystal.phi.range, resolved.crystal.phi.count, resolved.sampling.oversample) == (0.5, 2, 1)
    assert resolved.warnings == ()
    crystal = prepare(resolved.config).crystal
    assert crystal.model == "closed"
    assert crystal.disorder is not None
    np.testing.assert_allclose(crystal.disorder.mosaicity_rad, np.radians(0.1) * np.ones(3))
    assert not np.any(crystal.disorder.turns)
    assert crystal.disorder.sizes.shape == (1, 3)
    assert float(crystal.spindle.step_rad) == pytest.approx(np.radians(0.25))


@pytest.mark.parametrize(
    ("sections", "problem"),
    [
        ({"crystal": {"shape": "round"}}, "crystal.shape: got 'round', crystal.model = \"closed\" has Gaussian spots"),
        ({"parity": ("phi_carryover",)}, "parity: the C program has nothing like"),
        ({"crystal": {"interpolate": True}}, "crystal.interpolate: got true,"),
        ({"precision": "single"}, 'precision: got "single",'),
        ({"crystal": {"mosaic_spread_deg": 0.2}}, "crystal.mosaic_spread_deg: got 0.2, .*; give crystal.mosaicity_deg"),
    ],
)
def test_what_the_closed_model_cannot_have_is_named(sections: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        resolve(closed(**sections))


def test_what_has_no_effect_in_the_closed_model_is_told() -> None:
    sampling = {"oversample": 2, "mosaic_domains": 5, "phi_steps": 7, "divergence_vertical_steps": 3}
    found = resolve(closed(sampling=sampling, beam={"divergence_sigma_mrad": 0.2})).warnings
    assert len(found) == 1
    assert found[0].startswith(
        "sampling.oversample, sampling.phi_steps, sampling.mosaic_domains, sampling.divergence_vertical_steps have no"
    )


@pytest.mark.parametrize(
    ("sections", "told"),
    [
        (
            {"crystal": {"mosaicity_deg": 8.0}},
            "crystal.mosaicity_deg = 8: .* about 1.9 % .* take crystal",
        ),
        ({"crystal": {"mosaicity_axes_deg": (0.0, 3.0, 9.0)}}, "crystal.mosaicity_axes_deg = 9: "),
        ({"beam": {"bandwidth_percent": 30.0}}, "beam.bandwidth_percent = 30: "),
        ({"crystal": {"mosaicity_deg": 2.0}, "beam": {"bandwidth_percent": 5.0}}, None),
        ({"beam": {"bandwidth_percent": 30.0, "spectrum_shape": "sase", "spike_width_percent": 0.1}}, None),
    ],
)
def test_widths_that_are_too_large_are_told(sections: dict[str, Any], told: str | None) -> None:
    """Errors against integrals over the causes: 0.3 % at 3 degrees, 0.6 % at 5 degrees, below 0.1 % at 2."""
    found = [sentence for sentence in resolve(closed(**sections)).warnings if "small widths" in sentence]
    assert len(found) == (told is not None)
    assert told is None or re.search(told, found[0])


def test_a_sigma_is_a_gaussian_divergence_in_both_directions() -> None:
    width = 2 * np.sqrt(2 * np.log(2)) * 0.3
    by_width = Beam(divergence_shape="gaussian", divergence_horizontal_mrad=width, divergence_vertical_mrad=width)
    found = prepare(replace(CLOSED, beam=Beam(divergence_sigma_mrad=0.3))).beam.sources
    wanted = prepare(replace(CLOSED, beam=by_width)).beam.sources
    assert isinstance(found, SourceSpread)
    assert isinstance(wanted, SourceSpread)
    assert found.directions == wanted.directions == "gaussian"
    for name in ("horizontal_rad", "vertical_rad", "horizontal", "vertical", "weights"):
        np.testing.assert_allclose(getattr(found, name), getattr(wanted, name), rtol=1e-12)


def test_a_grid_of_directions_with_a_spectrum_is_no_gaussian() -> None:
    beam = Beam(bandwidth_percent=0.1, divergence_horizontal_mrad=1.0, divergence_vertical_mrad=1.0)
    sources = prepare(replace(CLOSED, beam=beam)).beam.sources
    assert isinstance(sources, SourceSpread)
    assert sources.directions == "grid"


@pytest.mark.parametrize(
    ("beam", "problem"),
    [
        ({"divergence_horizontal_mrad": 1.0}, "beam.divergence_horizontal_mrad: given together with beam.divergence_s"),
        ({"divergence_vertical_mrad": 1.0}, "beam.divergence_vertical_mrad: given together with beam.divergence_sigma"),
        ({"divergence_shape": "round"}, "beam.divergence_shape: got 'round', beam.divergence_sigma_mrad is the width"),
    ],
)
def test_a_sigma_excludes_other_divergences(beam: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        resolve(replace(CLOSED, beam=Beam(divergence_sigma_mrad=0.3, **beam)))
