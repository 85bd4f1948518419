"""Placement of a panel: pivots keep their point, and the header's numbers agree with the panel."""

from __future__ import annotations

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
from cases import small_config
from hypothesis import given, settings
from hypothesis import strategies as st

from nbjax import prepare
from nbjax.geometry.panel import place_panel, point_on_panel

ANGLES = st.tuples(*[st.floats(-0.5, 0.5)] * 3)


@settings(max_examples=20, deadline=None)
@given(ANGLES, st.floats(-0.4, 0.4))
def test_the_beam_pivot_keeps_the_beam_centre(rotation: tuple, two_theta: float) -> None:
    experiment = prepare(small_config())
    panel = replace(experiment.panel, rotation_rad=jnp.array(rotation), two_theta_rad=jnp.float64(two_theta))
    placed = place_panel(panel, experiment.beam.direction)
    hit = point_on_panel(placed, *panel.beam_centre_m, jnp.float64(0))
    np.testing.assert_allclose(np.array(hit), 0.1 * np.asarray(experiment.beam.direction), atol=1e-15)


@settings(max_examples=20, deadline=None)
@given(ANGLES, st.floats(-0.4, 0.4))
def test_the_sample_pivot_keeps_the_near_point_and_its_distance(rotation: tuple, two_theta: float) -> None:
    experiment = prepare(small_config(detector={"convention": "xds", "close_distance_mm": 70.0}))
    panel = replace(experiment.panel, rotation_rad=jnp.array(rotation), two_theta_rad=jnp.float64(two_theta))
    placed = place_panel(panel, experiment.beam.direction)
    np.testing.assert_allclose(placed.near_point_m, panel.near_point_m, atol=1e-15)
    assert float(placed.close_distance_m) == pytest.approx(0.07)
    axes = np.stack([placed.fast, placed.slow, placed.normal])
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-14)


def test_a_shift_moves_the_panel() -> None:
    experiment = prepare(small_config(detector={"origin_shift_mm": (0.1, -0.2, 0.3)}))
    still = prepare(small_config())
    moved, rest = (place_panel(e.panel, e.beam.direction) for e in (experiment, still))
    np.testing.assert_allclose(moved.origin_m - rest.origin_m, [1e-4, -2e-4, 3e-4], atol=1e-16)
    assert float(moved.close_distance_m - rest.close_distance_m) == pytest.approx(1e-4)
