"""What descent makes of a call's steps: the best point, and where it ends."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from nbjax.fit.descent import _as_one, _decided_by_progress, _stopped
from nbjax.fit.equations import Equations, Theta
from nbjax.fit.state import Progress, State

RUNNING, CONVERGED, STALLED, DIVERGED = (
    Progress.RUNNING,
    Progress.CONVERGED,
    Progress.STALLED,
    Progress.DIVERGED,
)


def of_values(values: list[float]) -> Equations:
    return Equations(jnp.asarray(values), jnp.ones((len(values), 1)), None)


def state(values: list[float], progress: list[Progress], first: list[float], idle: list[int], shared: int = 0) -> State:
    theta = Theta(jnp.zeros(shared), jnp.zeros((len(values), 1 - shared)))
    memory = (theta, None, jnp.asarray(first), jnp.asarray(idle))
    return State(
        theta, of_values(values), jnp.full(len(values), jnp.inf), jnp.asarray(list(map(int, progress))), memory
    )


def test_a_shot_is_done_when_two_calls_in_a_row_gain_little() -> None:
    # the first gains much, the others little for the first or the second time, one of these without any gain in all;
    # one is done already, and the last falls off a cliff
    before = state([9.0] * 6, [RUNNING] * 4 + [STALLED, RUNNING], [10.0] * 3 + [9.0, 10.0, 10.0], [1, 0, 1, 1, 1, 0])
    after = of_values([8.9, 8.995, 8.995, 9.5, 8.995, np.nan])
    there = Theta(jnp.zeros(0), jnp.ones((6, 1)))
    found = _decided_by_progress(before, there, after, None, 0.01)
    assert found.progress.tolist() == list(map(int, [RUNNING, RUNNING, CONVERGED, STALLED, STALLED, DIVERGED]))
    np.testing.assert_array_equal(found.theta.own[:, 0], [1, 1, 1, 0, 0, 0])
    np.testing.assert_allclose(found.gain, [0.1, 0.005, 0.005, 0, np.inf, 0], atol=1e-12)
    assert found.memory[3].tolist()[:4] == [0, 1, 2, 2]
    assert found.memory[2].tolist() == [10.0] * 3 + [9.0, 10.0, 10.0]


@pytest.mark.parametrize(("last", "wanted"), [(8.0, RUNNING), (8.995, CONVERGED)])
def test_shots_that_share_are_done_when_all_of_them_gain_little(last: float, wanted: Progress) -> None:
    before = state([9.0] * 3, [RUNNING, RUNNING, STALLED], [10.0] * 3, [1, 1, 1], shared=1)
    there = Theta(jnp.ones(1), jnp.zeros((3, 0)))
    found = _decided_by_progress(before, there, of_values([8.999, last, 1.0]), None, 0.01)
    assert found.progress.tolist() == list(map(int, [wanted, wanted, STALLED]))
    np.testing.assert_allclose(found.gain[:2], 9.001 - last, rtol=1e-9)


def test_only_what_runs_and_is_not_finite_diverges() -> None:
    progress = [RUNNING, RUNNING, CONVERGED, RUNNING]
    before = state([1.0] * 4, progress, [1.0] * 4, [0] * 4)
    at = Equations(jnp.array([1.0, jnp.nan, jnp.nan, 1.0]), jnp.array([[1.0], [1.0], [1.0], [jnp.inf]]), None)
    there = Theta(jnp.zeros(0), jnp.ones((4, 1)))
    assert _stopped(before, before, there, at).progress.tolist() == list(
        map(int, [RUNNING, DIVERGED, CONVERGED, DIVERGED])
    )
    # those that share go together, whatever one that is done says
    assert _stopped(before, before, Theta(jnp.ones(1), jnp.ones((4, 0))), at).progress.tolist() == list(
        map(int, [DIVERGED, DIVERGED, CONVERGED, DIVERGED])
    )


def test_shots_are_one_problem_where_they_share_or_are_alone() -> None:
    assert [_as_one(Theta(jnp.zeros(s), jnp.zeros((n, 2)))) for s, n in ((0, 1), (0, 2), (1, 2))] == [True, False, True]
