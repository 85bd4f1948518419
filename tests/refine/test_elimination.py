"""Equations of shots with something in common: eliminated one by one against all of them at once."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from nbjax.refine.elimination import Blocks, Reduced, blocks_of, eliminated, followed, shared_step
from nbjax.refine.equations import Linearised

OWN, MOVERS, SPOTS = 4, 3, 9
PRIOR = np.array([0.5, 2.0, 1.0, 3.0])
FREE = np.array([1.0, 1.0, 0.0, 1.0])
SIGMA = np.full(6 * MOVERS, 0.7)


def shot(seed: int, weight: float = 1.0) -> tuple[Linearised, np.ndarray, np.ndarray]:
    """Spots about random numbers, their movers (the last is on a panel that stays), and the numbers."""
    rng = np.random.default_rng(seed)
    half = rng.normal(size=(SPOTS, 6, 6))
    curvature = weight * half @ half.swapaxes(1, 2)
    slopes, slope = rng.normal(size=(SPOTS, 6, OWN + 6)), weight * rng.normal(size=(SPOTS, 6))
    mover = np.append(rng.integers(0, MOVERS, SPOTS - 1), MOVERS)
    at = Linearised(None, None, None, *map(jnp.asarray, (slopes, slope, curvature)))  # type: ignore[arg-type]
    return at, mover, rng.normal(size=OWN)


@jax.jit
def reduced(found: Blocks) -> Reduced:
    return eliminated(found, jnp.asarray(FREE))


def blocks(one: tuple[Linearised, np.ndarray, np.ndarray]) -> Blocks:
    at, mover, departure = one
    return blocks_of(at, jnp.asarray(mover), MOVERS, jnp.asarray(departure), jnp.asarray(PRIOR))


def test_a_step_is_that_of_all_equations_at_once() -> None:
    shots = [shot(seed) for seed in (1, 2)]
    value = np.linspace(-1, 1, 6 * MOVERS)
    # everything in one matrix: the numbers of the one shot, of the other, and of the movers
    count = 2 * OWN + 6 * MOVERS
    matrix, right = np.zeros((count, count)), np.zeros(count)
    for number, (at, mover, departure) in enumerate(shots):
        rows = slice(number * OWN, (number + 1) * OWN)
        matrix[rows, rows] += np.diag(1 / PRIOR**2)
        right[rows] -= departure / PRIOR**2
        for spot in range(SPOTS):
            wide = np.zeros((6, count))
            wide[:, rows] = at.slopes[spot, :, :OWN]
            if mover[spot] < MOVERS:
                first = 2 * OWN + 6 * mover[spot]
                wide[:, first : first + 6] = at.slopes[spot, :, OWN:]
            matrix += wide.T @ np.asarray(at.curvature[spot]) @ wide
            right += wide.T @ np.asarray(at.slope[spot])
    matrix[2 * OWN :, 2 * OWN :] += np.diag(1 / SIGMA**2)
    right[2 * OWN :] -= value / SIGMA**2
    free = np.flatnonzero([*FREE, *FREE, *np.ones(6 * MOVERS)])
    wanted, within = np.zeros(count), np.linalg.inv(matrix[np.ix_(free, free)])
    wanted[free] = within @ right[free]

    parts = [reduced(blocks(one)) for one in shots]
    step, covariance = shared_step(jax.tree.map(jnp.add, *parts), value, SIGMA)
    np.testing.assert_allclose(step, wanted[2 * OWN :], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(covariance, within[-6 * MOVERS :, -6 * MOVERS :], rtol=1e-8, atol=1e-12)
    for number, one in enumerate(shots):
        own = followed(blocks(one), jnp.asarray(FREE), jnp.asarray(step.reshape(MOVERS, 6)))
        np.testing.assert_allclose(own, wanted[number * OWN : (number + 1) * OWN], rtol=1e-8, atol=1e-12)


def test_a_shot_without_spots_says_nothing() -> None:
    found = reduced(blocks(shot(3, weight=0.0)))
    assert not np.asarray(found.curvature).any()
    assert not np.asarray(found.slope).any()
