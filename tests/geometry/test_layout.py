"""Where pixels stand: rings, d and beam centre of tilted panels, by independent trigonometry."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from nbjax.geometry.layout import Layout
from nbjax.geometry.panel import CurvedPanel


@pytest.fixture
def curved() -> CurvedPanel:
    """60 mm about the sample, with the beam near its corner."""
    turn = Rotation.from_euler("xyz", [0.1, -0.2, 0.3]).as_matrix()
    nothing, near = np.zeros(()), np.array([12.0, 5.0]) / 1000
    origin = 0.06 * turn[:, 2] - near[0] * turn[:, 0] - near[1] * turn[:, 1]
    return jax.tree.map(jnp.asarray, CurvedPanel(origin, *turn.T, np.array(0.06), nothing, np.zeros(2), near))


@pytest.fixture(scope="module")
def tilted() -> Layout:
    turn = Rotation.from_euler("xyz", [0.2, -0.3, 0.1]).as_matrix()
    return Layout(
        np.array([[-8.0, -9.0, 60.0]]),
        np.array([0.3 * turn[:, 0]]),
        np.array([0.2 * turn[:, 1]]),
        ((90, 80),),
        np.array([0.0, 0.0, 1.0]),
        np.array([1.0, 0.0, 0.0]),
        1.2,
        "a test",
    )


def _two_theta(layout: Layout, at: np.ndarray) -> np.ndarray:
    points = layout.origins_mm[0] + at[..., :1] * layout.fast_mm[0] + at[..., 1:] * layout.slow_mm[0]
    return np.arctan2(np.hypot(points[..., 0], points[..., 1]), points[..., 2])


def test_every_point_of_a_ring_has_its_resolution(tilted: Layout) -> None:
    curve = tilted.ring(0, 1.2 / (2 * 4.0))
    spacing = 1.2 / (2 * np.sin(_two_theta(tilted, curve) / 2))
    np.testing.assert_allclose(spacing, 4.0, rtol=1e-12)
    # a tilted panel cuts the cone in an ellipse
    assert np.ptp(np.linalg.norm((curve - tilted.beam_centre(0)) * (0.3, 0.2), axis=1)) > 1


def test_the_sines_of_pixels_are_those_of_their_middles(tilted: Layout) -> None:
    (sines,) = tilted.pixel_sines()
    assert sines.shape == (90, 80)
    at = np.array([[17.5, 60.5], [79.5, 89.5]])
    expected = np.sin(_two_theta(tilted, at) / 2)
    np.testing.assert_allclose(sines[[60, 89], [17, 79]], expected, rtol=1e-12)
    corners = np.array([[0, 0], [80, 0], [0, 90], [80, 90.0]])
    assert tilted.largest_sine() == pytest.approx(np.sin(_two_theta(tilted, corners) / 2).max(), rel=1e-12)


def test_rays_meet_the_panel_where_they_came_from(tilted: Layout) -> None:
    at = np.array([[3.25, 7.5], [60.0, 88.0]])
    np.testing.assert_allclose(tilted.meet(0, tilted.directions(0, at)), at, rtol=1e-12)
    assert _two_theta(tilted, tilted.beam_centre(0)[None]) == pytest.approx(0, abs=1e-12)
    # what goes back meets nothing
    assert np.isnan(tilted.meet(0, np.array([0.0, 0.0, -1.0]))).all()


def test_rings_of_a_curved_panel_have_their_resolution(tilted: Layout, curved: CurvedPanel) -> None:
    bent = replace(tilted, fast_mm=0.3 * curved.fast[None], slow_mm=0.2 * curved.slow[None], bent=curved)
    at = bent.ring(0, 1.2 / (2 * 1.5), 97)
    alpha, beta = ((at * (0.3, 0.2) - (12.0, 5.0)) / 60.0).T
    ways = np.sin(alpha), np.cos(alpha) * np.sin(beta), np.cos(alpha) * np.cos(beta)
    x, y, z = sum(
        way * axis[:, None] for way, axis in zip(ways, (curved.fast, curved.slow, curved.normal), strict=True)
    )
    np.testing.assert_allclose(1.2 / (2 * np.sin(np.arctan2(np.hypot(x, y), z) / 2)), 1.5, rtol=1e-9)
    np.testing.assert_allclose(bent.meet(0, bent.directions(0, at)), at, atol=1e-9)
    flat = replace(bent, bent=None).ring(0, 1.2 / (2 * 1.5), 97)
    assert np.nanmax(np.abs(flat - at)) > 10
    np.testing.assert_allclose(bent.sines(0, at), 0.4, rtol=1e-9)
