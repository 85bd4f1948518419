"""Placement of a panel: pivots keep their point, and the header's numbers agree with the panel."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import residual, small_config
from hypothesis import given, settings
from hypothesis import strategies as st

from nbjax import prepare, simulate
from nbjax.errors import ConfigError
from nbjax.geometry.panel import CurvedPanel, Panel, place_panel
from nbjax.geometry.scattering import direction
from nbjax.physics.solid_angle import solid_angle_sr

ANGLES = st.tuples(*[st.floats(-0.5, 0.5)] * 3)


@settings(max_examples=20)
@given(ANGLES, st.floats(-0.4, 0.4))
def test_the_beam_pivot_keeps_the_beam_centre(rotation: tuple, two_theta: float) -> None:
    experiment = prepare(small_config())
    panel = replace(experiment.panel, rotation_rad=jnp.array(rotation), two_theta_rad=jnp.float64(two_theta))
    placed = place_panel(panel, experiment.beam.direction)
    hit = placed.point(*panel.beam_centre_m, jnp.float64(0))
    np.testing.assert_allclose(np.array(hit), 0.1 * np.asarray(experiment.beam.direction), atol=1e-15)


@settings(max_examples=20)
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


def test_a_flat_pixel_is_as_oblique_as_its_normal_is_to_the_ray() -> None:
    experiment = prepare(small_config(detector={"rotation_x_deg": 10.0, "rotation_y_deg": -25.0}))
    panel = place_panel(experiment.panel, experiment.beam.direction)
    point = panel.point(jnp.array([0.0, 0.004, 0.02]), jnp.array([0.001, 0.01, 0.0]), jnp.float64(0))
    diffracted, airpath_m = direction(point)
    cosine = np.asarray(panel.normal) @ np.stack(diffracted)
    assert np.ptp(cosine) > 0.01
    np.testing.assert_allclose(panel.obliquity(diffracted, airpath_m), cosine, rtol=1e-13)


CONVENTIONS = ["mosflm", "denzo", "adxv", "xds", "dials"]
TURNS = [{}, {"two_theta_deg": 40.0}, {"rotation_x_deg": 4.0, "rotation_y_deg": -7.0, "two_theta_deg": -12.0}]
FAST_M, SLOW_M = np.meshgrid(np.arange(21) * 1e-3, np.arange(25) * 1e-3, indexing="ij")
"""Corners of pixels of 1 mm."""


def _bent(convention: str, turns: dict[str, float]) -> Panel:
    fields = {"curved": True, "convention": convention, "distance_mm": 60.0, **turns}
    experiment = prepare(small_config(detector=fields))
    return place_panel(experiment.panel, experiment.beam.direction)


def _points(panel: Panel, offset_m: float = 0.0, depth_m: float = 0.0) -> np.ndarray:
    """Points of the corners, shifted; shape (fast, slow, 3)."""
    return np.stack(
        panel.point(jnp.asarray(FAST_M + offset_m), jnp.asarray(SLOW_M + offset_m), jnp.float64(depth_m)), -1
    )


@pytest.mark.parametrize("turns", TURNS)
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_a_curved_panel_is_bent_along_its_own_axes_about_the_sample(convention: str, turns: dict[str, float]) -> None:
    panel = _bent(convention, turns)
    assert isinstance(panel, CurvedPanel)
    points, radius_m = _points(panel), float(panel.close_distance_m)
    np.testing.assert_allclose(np.linalg.norm(points, axis=-1), radius_m, rtol=1e-14)
    np.testing.assert_allclose(np.linalg.norm(_points(panel, depth_m=2e-4), axis=-1), radius_m + 2e-4, rtol=1e-14)
    near = np.array([np.asarray(x) for x in panel.point(*panel.near_point_m, jnp.float64(0))])
    np.testing.assert_allclose(near, radius_m * np.asarray(panel.normal), atol=1e-16)
    if not turns:
        # where the direct beam meets the flat panel
        np.testing.assert_allclose(panel.beam_centre_m, panel.near_point_m, atol=1e-16)
        assert radius_m == pytest.approx(0.06)

    steps = [np.linalg.norm(np.diff(points, axis=axis), axis=-1) for axis in (0, 1)]
    along_fast_m, along_slow_m = (2 * radius_m * np.arcsin(step / (2 * radius_m)) for step in steps)
    latitude = (FAST_M - float(panel.near_point_m[0])) / radius_m
    np.testing.assert_allclose(along_fast_m, 1e-3, rtol=1e-9)
    # no great circles
    np.testing.assert_allclose(along_slow_m, 1e-3 * np.cos(latitude[:, 1:]), rtol=1e-5)
    # at the nearest point, the fast and the slow direction are those of the flat panel
    axes = jnp.stack(jax.jacfwd(lambda at: jnp.stack(panel.point(*at, jnp.float64(0))))(panel.near_point_m).T)
    np.testing.assert_allclose(axes, np.stack([panel.fast, panel.slow]), atol=1e-14)


def test_the_solid_angles_of_a_curved_panel_are_those_of_its_pixels() -> None:
    panel = _bent("mosflm", {"rotation_y_deg": 11.0})
    corners = _points(panel) / float(panel.close_distance_m)

    def triangle(u: np.ndarray, v: np.ndarray, w: np.ndarray) -> np.ndarray:
        """Solid angle by van Oosterom and Strackee."""
        above = np.abs((u * np.cross(v, w)).sum(-1))
        return 2 * np.arctan2(above, 1 + (u * v).sum(-1) + (v * w).sum(-1) + (w * u).sum(-1))

    a, b, c, d = corners[:-1, :-1], corners[1:, :-1], corners[1:, 1:], corners[:-1, 1:]
    diffracted, airpath_m = direction(tuple(jnp.moveaxis(_points(panel, 0.5e-3)[:-1, :-1], -1, 0)))
    found = solid_angle_sr(airpath_m, jnp.float64(1e-6), panel.obliquity(diffracted, airpath_m), False)
    np.testing.assert_allclose(found, triangle(a, b, c) + triangle(a, c, d), rtol=1e-4)
    cosine = sum(n * v for n, v in zip(panel.normal_at(diffracted), diffracted, strict=True))
    np.testing.assert_allclose(cosine, 1.0, rtol=1e-14)


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_the_image_of_a_curved_panel_is_that_of_the_flat_one_near_the_centre(convention: str) -> None:
    def image(curved: bool) -> np.ndarray:
        detector = {"convention": convention, "curved": curved}
        return np.asarray(simulate(prepare(small_config(crystal={"cells": (3, 3, 3)}, detector=detector))))

    flat, bent = image(False), image(True)
    assert np.corrcoef(flat.ravel(), bent.ravel())[0, 1] > 0.99
    assert residual(bent, flat) > 1e-3


def test_a_panel_that_would_close_upon_itself_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"detector.pixels_fast: bends the panel by 113.4 degrees"):
        prepare(small_config(detector={"curved": True, "distance_mm": 5.0}))
