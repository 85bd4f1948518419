from __future__ import annotations

import numpy as np
import pytest
from problems import SHARP, TRUTH, moved, toy, toy_image, toy_photons

from nbjax.errors import ConfigError
from nbjax.fields import put
from nbjax.fit.fitting import fit
from nbjax.fit.parameter_set import Free
from nbjax.fit.problem import problem
from nbjax.fit.report.document import _rows
from nbjax.fit.result import Outcome
from nbjax.fit.tries import best

SCATTERED = [Free("crystal.misset_deg", scatter=4.0), Free("scale", transform="log")]


@pytest.fixture
def _toy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbjax.fit.equations.simulate_pixels", toy_photons)


@pytest.mark.usefixtures("_toy")
def test_the_best_of_many_tries_finds_what_one_sharp_fit_does_not() -> None:
    turned = toy().crystal.cell.misset_rad + np.radians([4.0, -4.0, 0.0])
    start = put(toy(), "crystal.cell.misset_rad", turned)
    alone = fit([start], [toy_image()], SCATTERED, SHARP)
    tried = fit([start], [toy_image()], SCATTERED, SHARP, tries=20, seed=2)
    (one,), (shot,) = alone.shots, tried.shots
    assert np.abs(one.values[:3] - TRUTH[:3]).max() > 1.0
    assert shot.loss < one.loss
    assert shot.outcome is Outcome.CONVERGED
    assert "the best of 20 tries" in shot.reason
    assert (np.abs(shot.values[:3] - TRUTH[:3]) < 5 * shot.sigmas[:3]).all()
    assert tried.experiments[0].crystal.cell.misset_rad == pytest.approx(np.radians(shot.values[:3]))
    assert all(step.losses.shape == (1,) for step in tried.history)


@pytest.mark.usefixtures("_toy")
def test_tries_start_within_the_scatter_and_the_first_where_it_was_asked_to() -> None:
    frees = [
        Free("crystal.misset_deg", scatter=0.3),
        Free("scale", transform="log", scatter=0.2),
        Free("crystal.cell_A"),
    ]
    shots = [moved(toy(), 0.1 * i) for i in range(2)]
    posed = problem(shots, [toy_image()] * 2, frees, SHARP, tries=50, seed=3)
    values = np.asarray(posed.parameters.own.values(posed.starts.own)).reshape(2, 50, -1)
    given = np.asarray(posed.parameters.own.start).reshape(2, 50, -1)
    np.testing.assert_allclose(values[:, 0], given[:, 0], rtol=1e-15)
    off = values - given
    assert 0.27 < np.abs(off[..., :3]).max() <= 0.3
    assert np.ptp(off[..., 3]) > 0.3
    np.testing.assert_allclose(np.log(values[..., 3]), 0, atol=0.2 + 1e-12)
    np.testing.assert_allclose(off[..., 4:], 0, atol=1e-12)
    again = problem(shots, [toy_image()] * 2, frees, SHARP, tries=50, seed=3)
    np.testing.assert_array_equal(again.starts.own, posed.starts.own)


@pytest.mark.parametrize(
    ("frees", "tries", "said"),
    [
        (SCATTERED, 0, "tries: got 0, must be one or more"),
        ([Free("crystal.misset_deg")], 3, "all the same; give a parameter a scatter"),
        ([Free("detector.distance_mm", shared=True, scatter=0.1)], 3, "detector.distance_mm is shared"),
        ([Free("crystal.misset_deg", scatter=-1.0)], 3, "scatter: got -1, must be a number, zero or above"),
    ],
)
def test_what_cannot_be_tried_is_said(frees: list, tries: int, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        problem([toy()], [toy_image()], frees, SHARP, tries=tries)


def test_a_try_that_diverges_is_not_the_best(monkeypatch: pytest.MonkeyPatch) -> None:
    import jax.numpy as jnp

    from nbjax.fit import equations

    def far_from_finite(experiment, pixels):
        photons = toy_photons(experiment, pixels)
        return jnp.where(experiment.crystal.cell.misset_rad[0] > np.radians(10.3), jnp.nan, photons)

    monkeypatch.setattr(equations, "simulate_pixels", far_from_finite)
    frees = [Free("crystal.misset_deg", scatter=0.5)]
    result = fit([toy()], [toy_image()], frees, SHARP, tries=20, seed=1)
    assert np.isfinite(result.shots[0].loss)
    assert result.shots[0].outcome is Outcome.CONVERGED


def test_a_report_shows_where_each_shot_started() -> None:
    shots = [moved(toy(), 0.1 * i) for i in range(2)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nbjax.fit.equations.simulate_pixels", toy_photons)
        result = fit(
            shots, [toy_image()] * 2, [Free("crystal.misset_deg", scatter=0.05)], SHARP, tries=3, background="none"
        )
    np.testing.assert_allclose(result.starts, [[10.0, 20.0, 30.0], [10.1, 19.9, 30.1]])
    assert [row["start"] for row in _rows(result, 1)] == ["10.1", "19.9", "30.1"]


def test_the_best_try_of_each_shot_is_the_least_of_those_that_ended() -> None:
    losses, alive = np.array([3.0, 1.0, 2.0, 5.0, 4.0, 6.0]), np.array([True, False, True, True, True, True])
    assert best(losses, alive, 3) == [2, 4]
