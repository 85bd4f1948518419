from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from nbjax.numerics import components
from nbjax.physics.screens.chart import REACH, Chart, directions_of, random_chart
from nbjax.physics.screens.screen import Way

AXES = ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, 1.0, 0.0))


def way(directions: np.ndarray) -> Way:
    found = components(jnp.asarray(directions / np.linalg.norm(directions, axis=-1, keepdims=True)))
    beam, along, across = (components(jnp.asarray(axis)) for axis in AXES)
    return Way(found, found, beam, along, across)


def test_the_nodes_of_a_map_are_where_it_has_their_values() -> None:
    values = np.random.default_rng(1).normal(size=(21, 21))
    directions = directions_of(21, *(components(jnp.asarray(axis)) for axis in AXES))
    vectors = np.stack([np.asarray(axis) for axis in directions], -1)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=-1), 1, rtol=1e-12)
    inside = np.hypot(*np.meshgrid(np.linspace(-2, 2, 21), np.linspace(-2, 2, 21))) < 1.99
    found = np.asarray(Chart(jnp.asarray(values)).transmission(way(vectors)))
    np.testing.assert_allclose(found[inside], values[inside], atol=1e-9)


@pytest.mark.parametrize("length_deg", [3.0, 10.0])
def test_a_random_factor_has_its_mean_and_deviation_and_is_smooth(length_deg: float) -> None:
    directions = np.random.default_rng(1).normal(size=(20_000, 3)) + np.array([1.0, 0.0, 0.0])
    stacked = np.concatenate(
        [
            np.asarray(
                Chart(jnp.asarray(random_chart(0.1, np.radians(length_deg), seed))).transmission(way(directions))
            )
            for seed in range(8)
        ]
    )
    assert stacked.mean() == pytest.approx(1.0, abs=0.01)
    assert stacked.std() == pytest.approx(0.1, rel=0.08)
    chart = Chart(jnp.asarray(random_chart(0.1, np.radians(length_deg), 1)))
    near = directions / np.linalg.norm(directions, axis=1, keepdims=True) + np.radians(length_deg / 50) * np.eye(3)[2]
    changes = np.asarray(chart.transmission(way(near))) - np.asarray(chart.transmission(way(directions)))
    assert changes.std() < 0.1 * 0.1


def test_seeds_tell_random_factors_apart() -> None:
    assert (random_chart(0.1, 0.2, 1) == random_chart(0.1, 0.2, 1)).all()
    assert (random_chart(0.1, 0.2, 1) != random_chart(0.1, 0.2, 2)).any()
    assert random_chart(5.0, 0.2, 1).min() == 0


def test_cubics_of_the_equal_area_map_are_exact_as_far_as_the_way_back() -> None:
    random = np.random.default_rng(5)
    # the whole sphere, and close to its far end
    theta = np.concatenate([random.uniform(0, 3.0, 300), random.uniform(3.0, 3.139, 300)])
    turn = random.uniform(0, 2 * np.pi, 600)
    beam, along, across = map(np.asarray, AXES)
    directions = (
        np.cos(theta)[:, None] * beam
        + (np.sin(theta) * np.cos(turn))[:, None] * along
        + (np.sin(theta) * np.sin(turn))[:, None] * across
    )

    def cubic(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return 1 + x**3 - 2 * x * y**2 + 0.5 * y**3 * x**2 - x * y + 3 * x**3 * y**3

    nodes = np.linspace(-2, 2, 21)
    values = cubic(*np.meshgrid(nodes, nodes, indexing="ij"))
    radius = 2 * np.sin(theta / 2)
    wanted = cubic(radius * np.cos(turn), radius * np.sin(turn))
    found = Chart(jnp.asarray(values)).transmission(way(directions))
    np.testing.assert_allclose(found, wanted, rtol=1e-7, atol=1e-7)


def test_directions_past_the_edge_of_a_map_are_the_way_back() -> None:
    found = np.stack(directions_of(21, *(components(jnp.asarray(axis)) for axis in AXES)), -1)
    np.testing.assert_allclose(found[10, 10], AXES[0], atol=1e-12)
    np.testing.assert_allclose(found[[0, -1, 0, 1, 0], [0, -1, 10, 1, 9]], -np.tile(AXES[0], (5, 1)), atol=1e-7)


def test_a_random_factor_is_drawn_at_nodes_as_far_apart_as_it_varies() -> None:
    # between nodes the mean of the squared weights is left, each way by its root
    _, weights = Chart(jnp.zeros((9, 9)))._place(jnp.linspace(0, REACH / 4, 10_001))
    left = float(np.trapezoid(sum(np.asarray(weight) ** 2 for weight in weights), dx=1e-4))
    draws = np.random.Generator(np.random.Philox(key=3)).standard_normal((41, 41))
    np.testing.assert_allclose(random_chart(0.1, 0.1, 3), np.maximum(1 + 0.1 / left * draws, 0), rtol=1e-4)
    assert random_chart(0.1, 10.0, 1).shape == (5, 5)
    assert random_chart(0.1, 1e-3, 1).shape == (257, 257)
