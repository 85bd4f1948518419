"""What a least-squares solver's call leads to."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from nbjax.fit.equations import Equations, Theta
from nbjax.fit.least_squares import _decided
from nbjax.fit.state import Progress, State


def test_a_call_that_does_not_help_is_the_last_and_is_not_kept() -> None:
    running, done = Progress.RUNNING, Progress.DIVERGED
    # lower, higher, higher by less and by more than rounding, lower but done, and so low that no gain is left
    before = [10.0, 10.0, 1e3, 1e3, 10.0, 10.0]
    after = [9.0, 11.0, 1e3 * (1 + 0.9e-9), 1e3 * (1 + 1.1e-9), 9.0, 9.0]
    slopes = [1.0, 1.0, 1.0, 1.0, 1.0, 1e-3]

    def at(values: list[float]) -> Equations:
        return Equations(jnp.asarray(values), jnp.asarray(slopes)[:, None], jnp.full((6, 1, 1), 4.0))

    progress = jnp.asarray([int(one) for one in [*[running] * 4, done, running]])
    state = State(Theta(jnp.zeros(0), jnp.zeros((6, 1))), at(before), jnp.full(6, 9.0), progress, ())
    found = _decided(state, Theta(jnp.zeros(0), jnp.ones((6, 1))), at(after), 1e-6)
    np.testing.assert_array_equal(found.theta.own[:, 0], [1, 0, 1, 0, 0, 1])
    ends = [running, Progress.STALLED, running, Progress.STALLED, done, Progress.CONVERGED]
    assert found.progress.tolist() == [int(one) for one in ends]
