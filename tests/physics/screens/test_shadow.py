"""Shadows: their geometry, their edges, and their derivatives."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nbjax.fields import look_up, put
from nbjax.numerics import components
from nbjax.physics.screens.screen import Way
from nbjax.physics.screens.shadow import COVERS, Shadow

DISTANCE_M = 0.02


def way(places_m: np.ndarray) -> Way:
    """Ways through places of the plane of the shadow: along the electric vector, and across."""
    points = np.column_stack([np.full(len(places_m), DISTANCE_M), places_m[:, 1], places_m[:, 0]]) * 7
    directions = points / np.linalg.norm(points, axis=1, keepdims=True)
    return Way(
        components(jnp.asarray(points)),
        components(jnp.asarray(directions)),
        *(components(jnp.asarray(axis)) for axis in ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, 1.0, 0.0))),
    )


def shadow(kind: str) -> Shadow:
    return Shadow(
        *map(jnp.asarray, (DISTANCE_M, np.array([2e-3, 1e-3]), np.array([3e-3, 1e-3]), np.pi / 6, 5e-5, 0.2)), kind
    )


passed = jax.jit(lambda screen, way: screen.transmission(way))


@pytest.mark.parametrize("kind", COVERS)
def test_the_object_lies_where_it_is_said_to(kind: str) -> None:
    # places by the object's own axes: middle, ends of its length and of its width, twice as far
    turned = np.array([[np.sqrt(3) / 2, 1 / 2], [-1 / 2, np.sqrt(3) / 2]])
    own = (
        np.array([[0.2, 0], [1.4, 0], [1.6, 0], [-1.4, 0], [-1.6, 0], [0.2, 0.4], [0.2, 0.6], [5, 0.4], [5, 3]]) * 1e-3
    )
    found = np.asarray(passed(shadow(kind), way(own @ turned + [2e-3, 1e-3])))
    inside = {
        "disc": [1, 1, 0, 1, 0, 1, 1, 0, 0],
        "rectangle": [1, 1, 0, 1, 0, 1, 0, 0, 0],
        "arm": [1, 1, 1, 0, 0, 1, 0, 1, 0],
        "edge": [1, 1, 1, 0, 0, 1, 1, 1, 1],
    }[kind]
    np.testing.assert_allclose(found, 1 - 0.8 * np.array(inside), atol=0.02)


def test_an_edge_is_half_covered_and_as_wide_as_the_penumbra() -> None:
    edge = replace(shadow("edge"), angle_rad=jnp.asarray(0.0), offset_m=jnp.zeros(2), passed=jnp.asarray(0.0))
    found = np.asarray(passed(edge, way(np.array([[0.0, 0], [5e-5, 0], [-5e-5, 0]]))))
    t = 0.5 + 1 / np.sqrt(28)
    share = t**3 * (10 - 15 * t + 6 * t**2)
    np.testing.assert_allclose(found, [0.5, 1 - share, share], atol=1e-9)
    # the blur has the penumbra as its standard deviation
    places = np.linspace(-3e-4, 3e-4, 6001)
    blur = -np.gradient(np.asarray(passed(edge, way(np.column_stack([places, 0 * places])))), places)
    assert np.trapezoid(blur * places**2, places) == pytest.approx(5e-5**2, rel=1e-4)


def test_light_that_turns_back_meets_no_shadow() -> None:
    ahead = way(np.array([[2e-3, 1e-3]]))
    back = replace(ahead, diffracted=tuple(-axis for axis in ahead.diffracted))
    assert float(passed(shadow("disc"), back)[0]) == 1.0


@pytest.mark.parametrize("kind", COVERS)
def test_derivatives_are_those_of_differences(kind: str) -> None:
    at, screen = way(np.random.default_rng(1).uniform(-4e-3, 4e-3, (400, 2))), shadow(kind)
    total = jax.jit(lambda screen: jnp.sum(screen.transmission(at) * jnp.arange(400)))
    slopes = jax.jit(jax.grad(total))(screen)
    for place in ("distance_m", "offset_m", "size_m", "angle_rad", "penumbra_m", "passed"):
        value = look_up(screen, place)
        step = 1e-6 * float(jnp.abs(value).max())
        above, below = (float(total(put(screen, place, value + change))) for change in (step, -step))
        assert float(look_up(slopes, place).sum()) == pytest.approx((above - below) / (2 * step), rel=1e-5, abs=1e-4)


@pytest.mark.parametrize("kind", COVERS)
def test_the_outline_of_an_object_is_half_covered(kind: str) -> None:
    turn = np.linspace(0, 2 * np.pi, 9)[:-1] + 0.1
    outlines = {
        "disc": 1.5e-3 * np.column_stack([np.cos(turn), np.sin(turn)]),
        "rectangle": np.array([[1.5, 0.1], [-1.5, -0.1], [0.7, 0.5], [-0.7, -0.5]]) * 1e-3,
        "arm": np.array([[0.0, 0.1], [0.7, 0.5], [0.9, -0.5]]) * 1e-3,
        "edge": np.array([[0.0, 0.1], [0.0, -4.0]]) * 1e-3,
    }
    turned = np.array([[np.sqrt(3) / 2, 1 / 2], [-1 / 2, np.sqrt(3) / 2]])
    found = passed(shadow(kind), way(outlines[kind] @ turned + [2e-3, 1e-3]))
    np.testing.assert_allclose(found, 1 - 0.8 * 0.5, rtol=1e-6)


def test_a_disc_as_small_as_its_penumbra_is_a_spot_of_its_blur() -> None:
    small = replace(shadow("disc"), size_m=jnp.full(2, 5e-5), offset_m=jnp.zeros(2))

    def step(x: np.ndarray) -> np.ndarray:
        t = 0.5 + x / np.sqrt(28)
        return t**3 * (10 - 15 * t + 6 * t**2)

    radii = np.array([0.0, 0.3, 0.9, 2.0])
    covered = step(radii + 0.5) - step(radii - 0.5)
    found = passed(small, way(5e-5 * radii[:, None] * [0.6, -0.8]))
    np.testing.assert_allclose(found, 1 - 0.8 * covered, rtol=1e-6)
