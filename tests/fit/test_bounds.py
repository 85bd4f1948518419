from __future__ import annotations

import re
from dataclasses import replace
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array
from problems import SHARP, toy, toy_image

from nbjax.cli.fit import _print
from nbjax.experiment import Experiment
from nbjax.fit.bounds import wanted_above
from nbjax.fit.equations import Focus, Shots, Theta
from nbjax.fit.fitting import Resume, fit, run
from nbjax.fit.parameter_set import Free
from nbjax.fit.problem import problem
from nbjax.fit.report.document import _rows
from nbjax.fit.result import FitResult, Outcome

SPREAD, SCALE = Free("crystal.mosaic_spread_deg"), Free("scale", transform="log")


def spread_photons(experiment: Experiment, pixels: Array) -> Array:
    """The spot of the toy, as much wider as its mosaic spread says."""
    slow, fast = pixels.T
    width = experiment.crystal.cells[0] + 300 * experiment.crystal.mosaic.spread_rad
    spot = jnp.exp(-((fast - 8) ** 2 + (slow - 8) ** 2) / width)
    return experiment.beam.fluence_photons_per_m2 / 4e28 * (5 + 200 * spot)


def start(cells: float, spread_deg: float = 0.1) -> Experiment:
    crystal = toy().crystal
    mosaic = replace(crystal.mosaic, spread_rad=jnp.radians(spread_deg))
    return toy().with_crystal(replace(crystal, cells=cells * jnp.ones(3), mosaic=mosaic))


@pytest.fixture(autouse=True)
def _toy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbjax.fit.equations.simulate_pixels", spread_photons)


def fitted(cells: float, frees: list[Free], **options: float) -> FitResult:
    return fit([start(cells, **options)], [toy_image()], frees, SHARP, convention="mosflm", background="none")


def test_a_width_whose_best_value_is_zero_is_at_its_bound_and_leaves_the_others_as_if_fixed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    # the spot of the data is that of six cells: wide enough without any spread
    result = fitted(6.3, [SPREAD, SCALE])
    (shot,) = result.shots
    assert shot.outcome is Outcome.CONVERGED
    assert shot.reason.endswith(
        "mosaic_spread_deg at the bound of 0, which the other standard deviations take as fixed"
    )
    assert shot.values[0] == pytest.approx(0.0, abs=1e-4)
    assert (shot.at_bound.tolist(), shot.warnings) == ([True, False], ())
    _print(result, ["shot"])
    assert re.search(r"crystal.mosaic_spread_deg .* degrees, at the bound\n  scale .* 1\n", capsys.readouterr().out)
    assert [row["sigma"] == "at the bound" for row in _rows(result, 0)] == [True, False]
    (alone,) = fitted(6.3, [SCALE], spread_deg=0.0).shots
    assert shot.values[1] == pytest.approx(alone.values[0], rel=1e-5)
    assert shot.sigmas[1] == pytest.approx(alone.sigmas[0], rel=1e-3)
    assert np.isinf(shot.sigmas[0])
    (only,) = fitted(6.3, [SPREAD]).shots
    assert (only.outcome, only.at_bound.tolist()) == (Outcome.CONVERGED, [True])


def test_a_width_that_is_small_but_determined_is_not_at_its_bound() -> None:
    (shot,) = fitted(5.5, [SPREAD, SCALE]).shots
    assert shot.outcome is Outcome.CONVERGED
    assert not shot.at_bound.any()
    assert shot.values[0] == pytest.approx(np.degrees(0.5 / 300), abs=4 * shot.sigmas[0])


def test_a_width_that_fell_to_zero_where_the_data_want_more_is_no_result() -> None:
    posed = problem([start(4.0)], [toy_image()], [SPREAD, SCALE], SHARP, convention="mosflm", background="none")
    theta = Theta(jnp.zeros(0), jnp.array([[-1e4, 0.0]]))
    memory = [np.full(1, 1e-2)]
    (shot,) = run(posed, resume=Resume(0, 0, theta, np.ones(1, bool), memory, ())).shots
    assert shot.outcome is Outcome.STALLED
    assert shot.reason.startswith("crystal.mosaic_spread_deg fell to zero, and the data want more; start closer")


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("gains", [(0.4, 0.6), (0.2, 0.2), (-9.0, 0.6), (np.nan, 0.6)])
def test_what_lies_on_zero_is_wanted_above_it_where_the_likelihood_gains_more_than_a_half(
    shared: bool, gains: tuple[float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    posed = problem(
        [start(4.0, 0.2)] * 2, [toy_image()] * 2, [replace(SPREAD, shared=shared), SCALE], SHARP, background="none"
    )
    s = int(shared)
    theta = Theta(jnp.full(s, -1e4), jnp.array([[-1e4, 0.3]] * 2)[:, s:])
    scaling = posed.shots.shared if shared else posed.shots.own
    per_start = np.asarray(scaling.scale)[..., 0] / np.asarray(scaling.start)[..., 0]
    looked = []

    def trial_values(focus: Focus, shots: Shots, trial: Theta) -> SimpleNamespace:
        """Of which the second alone gains."""
        np.testing.assert_array_equal(trial.own[:, 1 - s], 0.3)
        # the logarithm of a value moves so, as long as its upper bound is far
        looked.append(np.exp(np.asarray(trial.shared[0] if shared else trial.own[:, 0]) * per_start).max())
        return SimpleNamespace(value=100.0 - np.array(gains) if len(looked) == 2 else np.full(2, 101.0))

    monkeypatch.setattr("nbjax.fit.bounds.equations", trial_values)
    zero = np.array([[True, False]] * 2)
    found = wanted_above(posed.focus(posed.stages[0]), posed.shots, theta, np.full(2, 100.0), zero)
    np.testing.assert_allclose(looked, [1, 0.25, 0.06, 0.015], rtol=1e-9)
    finite = np.nan_to_num(gains)
    wanted = np.full(2, finite.sum() > 0.5) if shared else finite > 0.5
    np.testing.assert_array_equal(found, np.column_stack([wanted, [False, False]]))
