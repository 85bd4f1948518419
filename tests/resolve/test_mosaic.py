from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nbjax.config.tree import Config, Crystal, Sampling
from nbjax.errors import ConfigError
from nbjax.preparation import prepare
from nbjax.resolve import Resolved, resolve


def config(domains: int | None = None, **crystal: Any) -> Config:
    return Config(
        crystal=Crystal(cell_A=(50.0, 60.0, 70.0), cells=(5, 5, 5), default_F=1.0, **crystal),
        sampling=Sampling(mosaic_domains=domains, oversample=10),
    )


def resolved(domains: int | None = None, **crystal: Any) -> Resolved:
    return resolve(config(domains, **crystal))


def test_one_mosaicity_is_that_about_every_axis() -> None:
    assert resolved(30, mosaicity_deg=0.2).crystal.mosaicity_deg == (0.2, 0.2, 0.2)
    assert resolved(30, mosaicity_axes_deg=(0.1, 0.2, 0.3)).crystal.mosaicity_deg == (0.1, 0.2, 0.3)
    assert resolved(30, cell_spread_percent=0.2).crystal.mosaicity_deg == (0.0, 0.0, 0.0)
    assert resolved().crystal.mosaicity_deg is None


def test_a_disorder_has_the_domains_that_are_asked_for() -> None:
    assert resolved(30, mosaicity_deg=0.2).crystal.mosaic_domains == 30
    assert resolved(30, mosaicity_deg=0.0).crystal.mosaic_domains == 30
    assert resolved(None, mosaicity_deg=0.0).crystal.mosaic_domains == 1
    found = resolved(None, cell_spread_percent=0.2)
    assert found.crystal.mosaic_domains == 10
    assert found.warnings[0].startswith("crystal.cell_spread_percent without sampling.mosaic_domains: 10 domains are")
    experiment = prepare(config(30, mosaicity_deg=0.2, cell_spread_percent=0.5))
    assert experiment.crystal.domains == 30
    assert experiment.crystal.disorder is not None
    assert float(experiment.crystal.disorder.cell_spread) == pytest.approx(0.005)
    np.testing.assert_allclose(experiment.crystal.mosaic.angle_ratios, [0.0])


@pytest.mark.parametrize(
    ("crystal", "problem"),
    [
        ({"mosaicity_deg": 0.1, "mosaicity_axes_deg": (0.1, 0.1, 0.1)}, "crystal.mosaicity_axes_deg: given together"),
        ({"mosaic_spread_deg": 0.1, "mosaicity_deg": 0.1}, "got 0.1 together with crystal.mosaicity_deg; .*keep one"),
        ({"mosaic_spread_deg": 0.1, "cell_spread_percent": 0.0}, "got 0.1 together with crystal.cell_spread_percent"),
        ({"mosaicity_deg": 20.0}, "crystal.mosaicity_deg: got 20, must be 0 or more, below 20 degrees"),
        ({"mosaicity_deg": -0.1}, "crystal.mosaicity_deg: got -0.1, must not be negative"),
        ({"mosaicity_axes_deg": (0.1, -0.1, 0.1)}, "crystal.mosaicity_axes_deg: got 0.1 -0.1 0.1, must not be neg"),
        ({"cell_spread_percent": -1.0}, "crystal.cell_spread_percent: got -1, must not be negative"),
    ],
)
def test_disorder_that_cannot_be_is_named(crystal: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        resolved(5, **crystal)


def test_an_unusual_mosaicity_is_warned_of() -> None:
    assert resolved(30, mosaicity_deg=5.0).warnings[0].startswith("crystal.mosaicity_deg = 5: 0 to 2 degrees is usual")
