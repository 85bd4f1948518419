"""Counting with dead time, by its laws."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nbjax.physics.readout import Counting, Moments

DEAD = 2e-3
PHOTONS = np.array([0.5, 30.0, 800.0])


def counting(kind: str, efficiency: float = 1.0) -> Counting:
    return Counting(jnp.asarray(efficiency), jnp.asarray(DEAD), kind)  # type: ignore[arg-type]


@pytest.mark.parametrize("efficiency", [1.0, 0.9])
def test_counts_have_the_mean_and_variance_of_the_law(efficiency: float) -> None:
    n = efficiency * PHOTONS
    busy = n * DEAD
    laws = {
        "nonparalyzable": (n / (1 + busy), n / (1 + busy) ** 3),
        "paralyzable": (n * np.exp(-busy), n * np.exp(-busy) * (1 - 2 * busy * np.exp(-busy))),
    }
    for kind, (mean, variance) in laws.items():
        found = counting(kind, efficiency).moments(Moments(jnp.asarray(PHOTONS), jnp.zeros(3)))
        np.testing.assert_allclose(found.mean, mean, rtol=1e-6)
        np.testing.assert_allclose(found.variance, variance, rtol=1e-5)
        # what the beam varies is seen by the slope of the mean
        stage = counting(kind, efficiency)
        more = stage.moments(Moments(jnp.asarray(PHOTONS), jnp.full(3, 7.0)))
        near = [stage.moments(Moments(jnp.asarray(PHOTONS * part), jnp.zeros(3))).mean for part in (1.001, 0.999)]
        slope = np.asarray(near[0] - near[1]) / (2e-3 * PHOTONS)
        np.testing.assert_allclose(more.variance - found.variance, 7 * slope**2, rtol=2e-3)


@pytest.mark.parametrize("kind", ["nonparalyzable", "paralyzable"])
def test_of_drawn_photons_the_first_is_always_counted_and_in_the_mean_the_law_holds(kind: str) -> None:
    stage = counting(kind)
    assert float(stage._kept(jnp.asarray(0.0), 1.0)) == 0
    assert float(stage._kept(jnp.asarray(1.0), 1.0)) == pytest.approx(1, rel=1e-7)
    if kind == "nonparalyzable":
        assert float(stage._kept(jnp.asarray(101.0), 1.0)) == pytest.approx(101 / 1.2, rel=1e-6)
        return
    # each of n is counted unless one of the others came just before
    assert float(stage._kept(jnp.asarray(101.0), 1.0)) == pytest.approx(101 * (1 - DEAD) ** 100, rel=1e-6)
    numbers = np.arange(400)
    log_share = numbers * np.log(150.0) - 150 - np.cumsum(np.log(np.maximum(numbers, 1)))
    kept = np.asarray(stage._kept(jnp.asarray(numbers, jnp.float64), 1.0))
    assert np.exp(log_share) @ kept == pytest.approx(150 * np.exp(-150 * DEAD), rel=1e-6)


@pytest.mark.parametrize("busy", [5.0, 30.0])
def test_rounding_at_random_adds_no_variance_but_its_own(busy: float) -> None:
    photons = 600.0
    stage = Counting(jnp.asarray(1.0), jnp.asarray(busy / photons))
    drawn = np.asarray(jax.jit(stage.record)(jax.random.key(3), jnp.full(40_000, photons)))
    variance = photons / (1 + busy) ** 3
    if variance < 1:
        # two whole numbers stand for the mean
        part = drawn.mean() % 1
        variance += part * (1 - part)
    assert drawn.var() == pytest.approx(variance, rel=0.1 if busy > 10 else 0.03)
