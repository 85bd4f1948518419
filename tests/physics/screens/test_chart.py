from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from nbjax.numerics import components
from nbjax.physics.screens.chart import Chart, directions_of, random_chart
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
