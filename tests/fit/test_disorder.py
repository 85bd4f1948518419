"""A Gaussian disorder is found from the spots that it widens."""

from __future__ import annotations

import numpy as np
import pytest
from problems import SHARP, config

from nbjax import prepare, simulate
from nbjax.config.edit import with_values
from nbjax.fit.fitting import fit
from nbjax.fit.parameter_set import Free

DOMAINS = {"sampling.mosaic_domains": 24, "sampling.oversample": 1}


@pytest.mark.parametrize("start", [0.5, 0.0])
def test_widths_are_recovered(start: float) -> None:
    base = with_values(config(cells=(20.0, 20.0, 20.0), shape="gauss"), DOMAINS)
    truth = prepare(with_values(base, {"crystal.mosaicity_deg": 0.3, "crystal.cell_spread_percent": 0.4}))
    begun = prepare(with_values(base, {"crystal.mosaicity_deg": start, "crystal.cell_spread_percent": start}))
    frees = [Free("crystal.mosaicity_deg"), Free("crystal.cell_spread_percent")]
    result = fit([begun], [np.asarray(simulate(truth))], frees, SHARP, background="none")
    assert result.converged, result.shots[0].reason
    np.testing.assert_allclose(result.shots[0].values, [0.3, 0.4], rtol=1e-3)
