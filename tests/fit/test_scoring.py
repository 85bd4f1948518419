"""What scoring makes of a trial: its damping, and where it ends."""

from __future__ import annotations

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

from nbjax.fit.equations import Equations, Theta
from nbjax.fit.scoring import _decided, _proposed
from nbjax.fit.state import Progress, State

RUNNING, CONVERGED, STALLED = Progress.RUNNING, Progress.CONVERGED, Progress.STALLED
# lower, higher, higher by less than rounding, of a shot that is done, never lower again, at the least damping, and two
# whose promise the loss cannot show, or just can
BEFORE = [10.0, 10.0, 1e3, 10.0, 10.0, 10.0, 1e6, 1e6]
AFTER = [9.0, 11.0, 1e3 * (1 + 0.9e-13), 9.0, 11.0, 9.0, 1e6 + 1, 1e6 + 1]
GAINS = [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 2.1e-10, 2.3e-10]
DAMPING = [1e-2, 1e-2, 1e-2, 1e-2, 0.26e12, 4e-12, 1e-2, 1e-2]
PROGRESS = [RUNNING] * 3 + [CONVERGED] + [RUNNING] * 4
SLOPES = np.linspace(1.0, 2.0, 8)


def state(values: list[float]) -> State:
    at = Equations(jnp.asarray(values), jnp.asarray(SLOPES)[:, None], jnp.full((8, 1, 1), 4.0))
    progress = jnp.asarray([int(one) for one in PROGRESS])
    return State(Theta(jnp.zeros(0), jnp.ones((8, 1))), at, jnp.asarray(GAINS), progress, jnp.asarray(DAMPING))


def test_a_step_is_that_of_the_damped_information_for_shots_that_run() -> None:
    trial = _proposed(state(BEFORE))
    wanted = 1 - np.where(np.array(PROGRESS) == RUNNING, SLOPES / (4 * (1 + np.array(DAMPING))), 0.0)
    np.testing.assert_allclose(trial.own[:, 0], wanted, rtol=1e-12)


def test_damping_falls_where_a_step_helps_and_rises_where_it_does_not_to_an_end() -> None:
    before = state(BEFORE)
    trial = Theta(jnp.zeros(0), jnp.zeros((8, 1)))
    found = _decided(before, trial, replace(before.equations, value=jnp.asarray(AFTER)), 1e-6)
    np.testing.assert_array_equal(found.theta.own[:, 0] == 0, np.array([1, 0, 1, 0, 0, 1, 0, 0], bool))
    wanted = [2e-3, 4e-2, 2e-3, 1e-2, 1.04e12, 1e-12, 4e-2, 4e-2]
    np.testing.assert_allclose(found.memory, wanted, rtol=1e-12)
    ends = [RUNNING, RUNNING, RUNNING, CONVERGED, STALLED, RUNNING, CONVERGED, RUNNING]
    assert found.progress.tolist() == [int(one) for one in ends]
    # a little more than rounding is a rise
    above = replace(before.equations, value=jnp.asarray(BEFORE) * (1 + 1.2e-13))
    assert _decided(before, trial, above, 1e-6).memory[2] == pytest.approx(4e-2)
