"""Backgrounds and shadows are fitted beside a crystal."""

from __future__ import annotations

from dataclasses import replace

import jax
import numpy as np
import pytest
from problems import SHARP, config

from nbjax import prepare, put, simulate
from nbjax.config.tree import Background, Shadow
from nbjax.fit import Free, fit
from nbjax.physics.noise import poisson_counts


def test_the_thickness_of_a_drop_and_the_place_of_a_beamstop_are_found() -> None:
    described = replace(
        config(water_um=None),
        background=(Background(material="water", thickness_mm=0.1, scale=1e-10),),
        shadow=(Shadow(distance_mm=20.0, diameter_mm=3.0, offset_mm=(0.2, -0.1), penumbra_mm=0.2),),
    )
    truth = prepare(described)
    photons = np.asarray(poisson_counts(simulate(truth), jax.random.key(1)), float)
    start = put(truth, "backgrounds.0.thickness_m", 0.7e-4)
    start = put(start, "screens.0.offset_m", np.array([0.0, 0.0]))
    free = (Free("background.0.thickness_mm", transform="log"), Free("shadow.0.offset_mm"))
    found = fit([start], [photons], free, SHARP, background="none")
    by_name = dict(zip(found.names, found.shots[0].values, strict=True))
    assert by_name["background.0.thickness_mm"] == pytest.approx(0.1, rel=5e-3)
    assert by_name["shadow.0.offset_mm along polarization"] == pytest.approx(0.2, abs=0.02)
    assert by_name["shadow.0.offset_mm across"] == pytest.approx(-0.1, abs=0.02)
