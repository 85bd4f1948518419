from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nbjax.fit.equations import Equations, Theta
from nbjax.fit.result import covariance_of, weaknesses
from nbjax.fit.state import Progress, State, accepted, judged, solve


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


def one_component(values: list[float], gradients: list[float], informations: list[float]) -> Equations:
    return Equations(jnp.asarray(values), jnp.asarray(gradients)[:, None], jnp.asarray(informations)[:, None, None])


def state_of(at: Equations, progress: list[Progress], shared: int = 0) -> State:
    count = len(progress)
    theta = Theta(jnp.zeros(shared), jnp.zeros((count, 1 - shared)))
    return State(theta, at, jnp.full(count, 9.0), jnp.asarray([int(one) for one in progress]), None)


def test_a_trial_is_kept_where_it_is_better_and_a_shot_still_runs() -> None:
    running, done = Progress.RUNNING, Progress.CONVERGED
    before = one_component([10.0, 10.0, 10.0, 10.0, -10.0], [1.0] * 5, [1.0] * 5)
    # lower, higher, of a shot that is done, not finite, and higher by less than is allowed
    there = one_component([9.0, 11.0, 9.0, np.nan, -9.5], [2.0] * 5, [3.0] * 5)
    state = state_of(before, [running, running, done, running, running])
    trial = Theta(jnp.zeros(0), jnp.ones((5, 1)))
    kept, better = jax.jit(lambda s, t, at: accepted(s, t, at, 0.06))(state, trial, there)
    wanted = np.array([True, False, False, False, True])
    np.testing.assert_array_equal(better, wanted)
    np.testing.assert_array_equal(kept.theta.own[:, 0], wanted)
    np.testing.assert_array_equal(kept.equations.value, [9.0, 10.0, 10.0, 10.0, -9.5])
    np.testing.assert_array_equal(kept.equations.gradient[:, 0], np.where(wanted, 2.0, 1.0))
    np.testing.assert_array_equal(kept.equations.information[:, 0, 0], np.where(wanted, 3.0, 1.0))
    assert not accepted(state, trial, there, 0.04)[1][4]


@pytest.mark.parametrize(("rise", "better"), [(0.9, True), (1.1, False), (np.nan, False)])
def test_shots_that_share_are_kept_together(rise: float, better: bool) -> None:
    before = one_component([5.0, 5.0, 5.0], [1.0] * 3, [1.0] * 3)
    there = one_component([4.0, 5.0 + rise, 0.0], [1.0] * 3, [1.0] * 3)
    state = state_of(before, [Progress.RUNNING, Progress.RUNNING, Progress.DIVERGED], shared=1)
    trial = Theta(jnp.ones(1), jnp.zeros((3, 0)))
    kept, found = jax.jit(lambda s, t, at: accepted(s, t, at, 0.0))(state, trial, there)
    np.testing.assert_array_equal(found, [better, better, False])
    assert float(kept.theta.shared[0]) == better


def test_a_shot_is_judged_by_what_a_step_promises() -> None:
    running = Progress.RUNNING
    # a step gains half of the squared gradient over the information
    at = one_component([1.0, 1.0, np.inf, 1.0, 1.0], [2.0, 0.2, 1.0, 0.0, 0.1], [4.0, 4.0, 4.0, 0.0, 4.0])
    state = judged(state_of(at, [running] * 4 + [Progress.STALLED]), 0.01)
    wanted = [running, Progress.CONVERGED, Progress.DIVERGED, Progress.STALLED, Progress.STALLED]
    assert state.progress.tolist() == [int(one) for one in wanted]
    np.testing.assert_allclose(np.asarray(state.gain)[[0, 1, 4]], [0.5, 0.005, 9.0], rtol=1e-6)
