"""When a fit looks no farther, and what it says of how a shot ended."""

from __future__ import annotations

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
from problems import SHARP, toy, toy_image

from nbjax.fit.conclusion import Ends, _outcome, settled
from nbjax.fit.equations import Equations
from nbjax.fit.goodness import Goodness
from nbjax.fit.parameter_set import Free
from nbjax.fit.problem import Problem, problem
from nbjax.fit.result import Outcome
from nbjax.fit.state import Progress, State

GOOD = Goodness(1.0, 0.9, 0.9, 0.995, 0.995, True, 0.0, False, ())
POOR = replace(GOOD, better_than_flat=False)
NONE = np.zeros(1, bool)


@pytest.fixture(scope="module")
def posed() -> Problem:
    return problem([toy()] * 2, [toy_image()] * 2, [Free("beam.wavelength_A")], SHARP, background="none")


def state(posed: Problem, *progress: Progress, information: bool = True) -> State:
    at = Equations(jnp.ones(2), jnp.ones((2, 1)), jnp.ones((2, 1, 1)) if information else None)
    return State(posed.starts, at, jnp.full(2, 3e-4), jnp.asarray([int(one) for one in progress]), None)


CONVERGED, RUNNING, STALLED = Progress.CONVERGED, Progress.RUNNING, Progress.STALLED


@pytest.mark.parametrize(
    ("progress", "alive", "unusable", "goodness", "wanted"),
    [
        ((CONVERGED, CONVERGED), (True, True), (None, None), (GOOD, GOOD), True),
        ((CONVERGED, RUNNING), (True, True), (None, None), (GOOD, GOOD), False),
        ((CONVERGED, CONVERGED), (True, False), (None, None), (GOOD, GOOD), False),
        ((CONVERGED, CONVERGED), (True, True), (None, None), (GOOD, POOR), False),
        ((CONVERGED, CONVERGED), (True, True), (None, None), (replace(GOOD, explained=0.9895), GOOD), False),
        ((CONVERGED, CONVERGED), (True, True), (None, None), (replace(GOOD, explained=0.9901), GOOD), True),
        # a shot without data is no reason to look farther
        ((CONVERGED, RUNNING), (True, False), (None, "is blank"), (GOOD, POOR), True),
    ],
)
def test_a_fit_looks_no_farther_where_every_shot_is_explained(
    posed: Problem,
    progress: tuple[Progress, Progress],
    alive: tuple[bool, bool],
    unusable: tuple[str | None, str | None],
    goodness: tuple[Goodness, Goodness],
    wanted: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("nbjax.fit.conclusion.modelled", lambda *of: None)
    monkeypatch.setattr("nbjax.fit.conclusion._goodness", lambda *of: goodness[of[-1]])
    posed = replace(posed, unusable=unusable)
    assert settled(posed, state(posed, *progress), np.array(alive)) == wanted


def ended(posed: Problem, of: State, goodness: Goodness = GOOD, zero: bool = False) -> tuple[Outcome, str]:
    return _outcome(posed, of, 0, False, Ends(NONE, np.array([zero]), NONE), np.ones(1), goodness)


def test_a_shot_that_no_step_helps_stalls_is_poor_or_lies_at_its_bound(posed: Problem) -> None:
    stuck = state(posed, STALLED, STALLED)
    assert ended(posed, stuck) == (Outcome.STALLED, "no step lowers the loss any more")
    assert ended(posed, stuck, POOR)[0] is Outcome.POOR
    assert ended(posed, stuck, zero=True)[0] is Outcome.CONVERGED


def test_a_shot_that_still_runs_says_what_the_last_steps_gained_or_a_further_one_promises(posed: Problem) -> None:
    running = state(posed, RUNNING, RUNNING), state(posed, RUNNING, RUNNING, information=False)
    said = [ended(posed, one)[1] for one in running]
    assert said[0] == "not done after 50 steps; a further one promises 3.0e-04 in the log-likelihood"
    assert said[1] == "not done after 50 steps; the last ones gained 3.0e-04 in the log-likelihood"
