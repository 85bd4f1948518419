from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nbjax.fit.equations import Equations
from nbjax.fit.result import covariance_of, weaknesses
from nbjax.fit.state import solve


def random_equations(shots: int, p: int) -> Equations:
    rng = np.random.default_rng(1)
    roots = rng.normal(size=(shots, p, 2 * p))
    information = roots @ roots.transpose(0, 2, 1)
    return Equations(jnp.zeros(shots), jnp.asarray(rng.normal(size=(shots, p))), jnp.asarray(information))


def dense(information: np.ndarray, gradient: np.ndarray, shared: int) -> tuple[np.ndarray, np.ndarray]:
    """The whole system, shared components first."""
    shots, p = gradient.shape
    own = p - shared
    matrix, side = np.zeros((shared + shots * own,) * 2), np.zeros(shared + shots * own)
    for i in range(shots):
        at = np.r_[:shared, shared + i * own : shared + (i + 1) * own]
        matrix[np.ix_(at, at)] += information[i]
        side[at] += gradient[i]
    return matrix, side


@pytest.mark.parametrize("shared", [0, 2, 5])
def test_shot_by_shot_is_the_whole_system(shared: int) -> None:
    at = random_equations(4, 5)
    counted = np.array([True, True, False, True])
    change, gain = jax.jit(solve, static_argnums=1)(at, shared, jnp.zeros(4), jnp.asarray(counted))
    information, gradient = np.asarray(at.information), np.asarray(at.gradient)
    matrix, side = dense(information[counted], gradient[counted], shared)
    wanted = -np.linalg.solve(matrix, side)
    assert np.asarray(change.shared) == pytest.approx(wanted[:shared], rel=1e-9)
    assert np.asarray(change.own)[counted].reshape(-1) == pytest.approx(wanted[shared:], rel=1e-9)
    assert (np.asarray(change.own)[2] == 0).all()
    if shared:
        assert np.asarray(gain) == pytest.approx(-0.5 * side @ wanted)
    whole = np.linalg.inv(matrix)
    covariance = covariance_of(information, shared, counted)
    own = 5 - shared
    for number, shot in enumerate((0, 1, 3)):
        place = np.r_[:shared, shared + number * own : shared + (number + 1) * own]
        assert covariance[shot] == pytest.approx(whole[np.ix_(place, place)], rel=1e-6)


@pytest.mark.parametrize("shared", [0, 2])
def test_a_damped_step_has_a_larger_diagonal(shared: int) -> None:
    at, damping = random_equations(3, 5), np.array([0.3, 0.1, 0.2])
    information, gradient = np.asarray(at.information), np.asarray(at.gradient)
    change, gain = jax.jit(solve, static_argnums=1)(at, shared, jnp.asarray(damping), jnp.ones(3, bool))
    matrix, side = dense(information, gradient, shared)
    # what is shared is damped as much as any
    damped = np.concatenate([np.full(shared, 0.3), damping.repeat(5 - shared)])
    wanted = -np.linalg.solve(matrix + np.diag(damped * np.diag(matrix)), side)
    found = np.concatenate([np.asarray(change.shared), np.asarray(change.own).reshape(-1)])
    np.testing.assert_allclose(found, wanted, rtol=1e-9)
    promised = -0.5 * side * wanted
    if shared:
        np.testing.assert_allclose(gain, promised.sum(), rtol=1e-9)
    else:
        np.testing.assert_allclose(gain, promised.reshape(3, 5).sum(1), rtol=1e-9)


def test_a_component_without_information_stays_and_is_undetermined() -> None:
    at = random_equations(1, 3)
    mask = np.array([1.0, 0.0, 1.0])
    blind = Equations(at.value, at.gradient * mask, at.information * mask * mask[:, None])
    change, _ = jax.jit(solve, static_argnums=1)(blind, 0, jnp.zeros(1), jnp.ones(1, bool))
    assert float(change.own[0, 1]) == 0
    covariance = covariance_of(np.asarray(blind.information), 0, np.ones(1, bool))[0]
    assert np.isinf(covariance[1, 1])
    assert weaknesses(covariance, ("a", "b", "c"), ("A",) * 3) == (
        "b has no effect on the pixels that are fitted; leave it out",
    )


def test_the_combination_that_is_poorly_determined_is_named() -> None:
    information = np.array([[1.0, 0.0, -0.99999], [0.0, 4.0, 0.0], [-0.99999, 0.0, 1.0]])
    (sentence,) = weaknesses(np.linalg.inv(information), ("distance", "scale", "cell a"), ("mm", "1", "A"))
    assert "distance by +" in sentence
    assert "cell a by +" in sentence
    assert "scale" not in sentence
