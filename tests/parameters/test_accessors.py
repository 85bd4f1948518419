from __future__ import annotations

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
from cases import small_config

from nbjax.fit.parameter_set import Free, parameter_set
from nbjax.parameters import parameters_of
from nbjax.parameters.accessors import ACCESSORS
from nbjax.preparation import prepare
from nbjax.quantities import QUANTITIES, Interval, Quantity


def test_every_fitted_quantity_has_a_place_or_an_accessor() -> None:
    fitted = {quantity.key: quantity for quantity in QUANTITIES.values() if quantity.fitted}
    assert set(ACCESSORS) <= set(fitted)
    for key, quantity in fitted.items():
        assert (quantity.place is None) == (key in ACCESSORS), key


def test_a_new_parameter_is_one_line_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    row = Quantity("crystal.edge_nm", "edge a", "1", Interval(0.1), typical=0.5, place="cell.lengths_m.0", fitted=True)
    monkeypatch.setitem(QUANTITIES, row.key, row)
    experiment = prepare(small_config())
    parameter = parameters_of(experiment)["crystal.edge_nm"]
    longer = parameter.set(experiment, parameter.get(experiment) * 2)
    np.testing.assert_allclose(longer.crystal.cell.lengths_m, experiment.crystal.cell.lengths_m * jnp.array([2, 1, 1]))
    found = parameter_set([Free("crystal.edge_nm")], [experiment])
    assert found.names == ("crystal.edge_nm",)
    assert np.asarray(found.own.lower) == [0.0]
    monkeypatch.setitem(QUANTITIES, row.key, replace(row, unless=("shape", "square")))
    assert "crystal.edge_nm" not in parameters_of(experiment)
