from __future__ import annotations

import numpy as np
import optax
import pytest
from problems import TABLE_PIXELS, table, table_photons

from nbjax.errors import ConfigError
from nbjax.fit.descent import Descent
from nbjax.fit.fitting import fit
from nbjax.fit.matrix_free import LARGE
from nbjax.fit.parameter_set import Free
from nbjax.fit.result import Outcome
from nbjax.fit.stages import Stage

FREE = [Free("crystal.structure_factors")]


@pytest.fixture(autouse=True)
def _a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        raise AssertionError("an information matrix was asked for")

    monkeypatch.setattr("nbjax.fit.equations.simulate_pixels", table_photons)
    monkeypatch.setattr("nbjax.fit.descent.equations", forbidden)
    monkeypatch.setattr("nbjax.fit.conclusion.equations", forbidden)


def test_a_table_of_structure_factors_is_fitted_without_matrices() -> None:
    rng = np.random.default_rng(2)
    true = rng.uniform(20, 60, 1200)
    places = (np.arange(TABLE_PIXELS)[:, None] * TABLE_PIXELS + np.arange(TABLE_PIXELS)) // 16
    counts = rng.poisson(0.01 * true[places] ** 2).astype(float)
    stage = Stage(optimiser=Descent(optax.lbfgs()), steps=60, tolerance=1e-3)
    (shot,) = fit([table()], [counts], FREE, [stage], background="none").shots
    assert len(shot.values) == 1200 > LARGE
    assert shot.outcome is Outcome.CONVERGED
    assert shot.reason.startswith("the last 10 steps gained")
    assert shot.covariance is None
    assert shot.correlation is None
    seen = np.isfinite(shot.sigmas)
    assert seen.tolist() == [True] * 1156 + [False] * 44
    assert (shot.values[~seen] == 30.0).all()
    # 16 pixels of F^2 / 100 photons: their sum has a relative deviation of 10 / (4 F), F that of half of it
    best = 10 * np.sqrt([counts[places == i].mean() for i in range(1156)])
    assert np.abs(shot.values[seen] - best).max() < 0.05
    assert shot.sigmas[seen] == pytest.approx(np.full(1156, 1.25), rel=0.8)
    assert shot.sigmas[seen].mean() == pytest.approx(1.25, rel=0.05)
    assert shot.warnings[0].startswith("no pixel that is fitted depends on 44 of 1200 structure factors")
    assert "each standard deviation takes all others as known, and is itself estimated within 12%" in shot.warnings[1]
    assert shot.sigmas[seen].std() == pytest.approx(1.25 * 0.125, rel=0.2)


def test_optimisers_that_form_matrices_name_those_that_do_not() -> None:
    data = np.ones((TABLE_PIXELS, TABLE_PIXELS)) + np.eye(TABLE_PIXELS)
    with pytest.raises(ConfigError, match=r"stages\[0\].optimiser: forms a matrix of 1200 x 1200 .* use lbfgs or adam"):
        fit([table()], [data], FREE, [Stage()])
