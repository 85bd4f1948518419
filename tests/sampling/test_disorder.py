"""Domains of a Gaussian disorder against the covariances that they stand for."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri

from nbjax.geometry.unit_cell import standard_direct
from nbjax.sampling.disorder import Disorder, deviates, disordered

DIRECT = np.asarray(standard_direct(np.array([50.0, 60.0, 70.0]), np.radians([80.0, 95.0, 105.0])))
HKL = np.array([[1, 0, 0], [0, 3, -2], [5, 7, -9], [-4, 2, 11]])


def vectors(count: int, mosaicity_deg: tuple[float, float, float], spread: float) -> tuple[np.ndarray, np.ndarray]:
    """Reciprocal vectors of the crystal, shape (4, 3), and of each domain, shape (domains, 4, 3)."""
    turns, sizes = deviates(count, 7)
    disorder = Disorder(*map(jnp.asarray, (np.radians(mosaicity_deg), spread, turns, sizes)))
    found = np.asarray(jax.jit(disordered)(disorder, jnp.asarray(DIRECT)))
    return HKL @ np.linalg.inv(DIRECT).T, HKL @ np.linalg.inv(found).swapaxes(1, 2)


def covariances(around: np.ndarray, found: np.ndarray) -> np.ndarray:
    off = found - around
    return np.einsum("mhi,mhj->hij", off, off) / len(found)


@given(st.integers(2, 300), st.integers(0, 2**31 - 1))
def test_deviates_have_mean_zero_and_variance_one(count: int, seed: int) -> None:
    found = np.hstack(deviates(count, seed))
    assert found.shape == (count, 6)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(found.var(axis=0), 1, rtol=1e-12)
    if count >= 24:
        np.testing.assert_allclose(found.T @ found / count, np.eye(6), atol=1e-12)


def test_deviates_are_those_of_a_normal_distribution() -> None:
    found = np.hstack(deviates(4000, 1))
    np.testing.assert_allclose((found**4).mean(axis=0), 3, rtol=0.02)
    np.testing.assert_allclose((found**3).mean(axis=0), 0, atol=0.01)
    # so are those of any direction in their space
    along = found @ (np.random.default_rng(1).standard_normal((6, 20)))
    np.testing.assert_allclose((along**4).mean(axis=0) / (along**2).mean(axis=0) ** 2, 3, rtol=0.05)


@pytest.mark.parametrize("seed", [1, 8])
def test_deviates_follow_the_generalised_golden_ratio(seed: int) -> None:
    found = np.hstack(deviates(23, seed))
    # the number whose seventh power is itself and one, of which each dimension has a power for its step
    ratio = 1.1
    for _ in range(100):
        ratio = (1 + ratio) ** (1 / 7)
    for number, along in enumerate(found.T, 1):
        places = np.arange(1, 24) * ratio**-number % 1
        # whatever the shift, the places are in the same order around the circle
        around, wanted = np.argsort(along), np.argsort(places)
        np.testing.assert_array_equal(
            np.roll(around, -int(np.flatnonzero(around == 0)[0])), np.roll(wanted, -int(np.flatnonzero(wanted == 0)[0]))
        )
        # and each stands for a part of equal probability
        np.testing.assert_allclose(
            np.sort(along) / np.sort(along)[-1], ndtri((np.arange(23) + 0.5) / 23) / ndtri(22.5 / 23), atol=1e-12
        )


def test_deviates_fill_space_better_than_random_ones() -> None:
    # the mean of a narrow Gaussian about a place in three dimensions, whose integral is known
    width, away = 0.5, np.array([0.5, -0.3, 0.2])
    wanted = (width**2 / (1 + width**2)) ** 1.5 * np.exp(-(away @ away) / (1 + width**2) / 2)
    sets = [deviates(500, seed)[0] for seed in range(20)]
    rng = np.random.default_rng(1)
    by_chance = [rng.standard_normal((500, 3)) for _ in range(20)]
    off = [
        np.mean([(np.exp(-((z - away) ** 2).sum(1) / width**2 / 2).mean() / wanted - 1) ** 2 for z in each])
        for each in (sets, by_chance)
    ]
    assert off[0] < off[1] / 6


def test_a_single_domain_is_the_crystal_itself() -> None:
    assert not np.any(deviates(1, 5))
    crystal, domains = vectors(1, (3.0, 3.0, 3.0), 0.1)
    np.testing.assert_allclose(domains[0], crystal, rtol=1e-14, atol=1e-17)


def test_deviates_follow_the_seed() -> None:
    assert np.array_equal(deviates(50, 1), deviates(50, 1))
    assert not np.allclose(deviates(50, 1), deviates(50, 2))


@pytest.mark.parametrize("count", [50, 2000])
def test_a_mosaicity_turns_vectors_across_themselves(count: int) -> None:
    crystal, domains = vectors(count, (0.1, 0.1, 0.1), 0.0)
    eta, squares = np.radians(0.1), (crystal**2).sum(1)
    wanted = eta**2 * (squares[:, None, None] * np.eye(3) - crystal[:, :, None] * crystal[:, None, :])
    size = eta**2 * squares[:, None, None]
    # what is left is of the next order in the mosaicity
    np.testing.assert_allclose(covariances(crystal, domains) / size, wanted / size, atol=eta / 2)
    np.testing.assert_allclose(np.linalg.norm(domains, axis=2), np.sqrt(squares)[None].repeat(count, 0), rtol=1e-12)


def test_each_axis_has_a_mosaicity_of_its_own() -> None:
    crystal, domains = vectors(500, (0.1, 0.02, 0.3), 0.0)
    of_axes = np.radians([0.1, 0.02, 0.3])
    # a turn w moves G by w x G
    across = np.cross(np.eye(3)[None], crystal[:, None])
    wanted = np.einsum("k,hki,hkj->hij", of_axes**2, across, across)
    size = np.abs(wanted).max((1, 2), keepdims=True)
    np.testing.assert_allclose(covariances(crystal, domains) / size, wanted / size, atol=1e-3)


def test_a_spread_of_the_cell_stretches_each_axis_and_keeps_the_angles() -> None:
    spread = 1e-3
    crystal, domains = vectors(500, (0.0, 0.0, 0.0), spread)
    stars = np.linalg.inv(DIRECT).T
    wanted = spread**2 * np.einsum("ha,ai,aj->hij", HKL.astype(float) ** 2, stars, stars)
    size = np.abs(wanted).max((1, 2), keepdims=True)
    np.testing.assert_allclose(covariances(crystal, domains) / size, wanted / size, atol=5e-3)
    # h = 1, 0, 0 keeps its direction
    np.testing.assert_allclose(np.cross(domains[:, 0], crystal[0]), 0, atol=1e-17)


def test_axes_are_longer_by_their_deviates() -> None:
    turns, sizes = deviates(5, 3)
    found = jax.jit(disordered)(
        Disorder(jnp.zeros(3), jnp.asarray(0.01), jnp.asarray(turns), jnp.asarray(sizes)), DIRECT
    )
    np.testing.assert_allclose(found, DIRECT * (1 + 0.01 * sizes[:, :, None]), rtol=1e-12, atol=1e-12)


def test_derivatives_at_no_disorder_are_those_of_differences() -> None:
    turns, sizes = map(jnp.asarray, deviates(5, 3))

    def moved(widths: jax.Array) -> jax.Array:
        return disordered(Disorder(widths[:3], widths[3], turns, sizes), jnp.asarray(DIRECT))

    found = np.asarray(jax.jit(jax.jacfwd(moved))(jnp.zeros(4)))
    twice = np.asarray(jax.jit(jax.hessian(moved))(jnp.zeros(4)))
    step = 1e-4
    for i, direction in enumerate(step * np.eye(4)):
        two = [np.asarray(moved(jnp.asarray(sign * direction))) for sign in (1, -1)]
        np.testing.assert_allclose(found[..., i], (two[0] - two[1]) / (2 * step), atol=1e-5)
        np.testing.assert_allclose(twice[..., i, i], (two[0] + two[1] - 2 * DIRECT) / step**2, atol=1e-4)
    assert (np.abs(found).max((0, 1, 2)) > 1).all()
