"""Each crystal has its own parameters, named by its number where there are several."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import small_config

from nbjax import Experiment, prepare, put
from nbjax.errors import ConfigError
from nbjax.parameters import alone, beside, crystal_of, find, key_of, parameters_of

RICH = {
    "crystal": {"water_um": 3.0, "volume_um3": 0.2, "phi_range_deg": 1.0, "mosaic_spread_deg": 0.2},
    "sampling": {"mosaic_domains": 2, "phi_steps": 2},
}


@cache
def both() -> Experiment:
    """A crystal with a volume, and a round one without."""
    first, second = prepare(small_config(**RICH)), prepare(small_config(crystal={"shape": "round"}))
    return replace(first, crystals=(*first.crystals, *second.crystals))


def test_names_of_one_of_several_crystals() -> None:
    assert key_of("crystals[12].misset_deg x") == "crystal.misset_deg x"
    assert key_of("crystal.misset_deg") == "crystal.misset_deg"
    assert (crystal_of("crystals[12].cells"), crystal_of("crystal.cells"), crystal_of("scale")) == (12, None, None)
    assert beside("crystals[1].cell", "crystal.cell_A") == "crystals[1].cell_A"
    assert beside("crystal.cell", "crystal.cell_A") == "crystal.cell_A"
    assert beside("crystals[1].cell", "beam.direction") == "beam.direction"


def test_every_crystal_has_the_parameters_of_that_crystal_alone() -> None:
    found = parameters_of(both(), "mosflm")
    for number in range(2):
        own = alone(both(), number)
        names = {key_of(path) for path in found if crystal_of(path) == number}
        assert names == {key for key in parameters_of(own) if key.startswith("crystal.") and key != "crystal.water_um"}
        for path, parameter in found.items():
            if crystal_of(path) == number:
                wanted = parameters_of(own)[key_of(path)]
                assert parameter.get(both()).tolist() == wanted.get(own).tolist()
                assert (parameter.labels, parameter.unit) == (wanted.labels, wanted.unit)
    assert "crystals[0].volume_um3" in found
    assert "crystals[1].volume_um3" not in found
    assert "crystals[1].fudge" in found
    assert "crystals[0].fudge" not in found
    assert [path for path in found if path.startswith("crystal.")] == ["crystal.water_um"]


def test_a_crystals_parameter_moves_that_crystal_and_no_other() -> None:
    turned = parameters_of(both())["crystals[1].misset_deg"].set(both(), jnp.array([1.0, 2.0, 3.0]))
    wanted = put(both(), "crystals.1.cell.misset_rad", np.radians([1.0, 2.0, 3.0]))
    for a, b in zip(jax.tree.leaves(turned), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-15)
    larger = parameters_of(both())["crystals[0].size_a_mm"].set(both(), jnp.array([1e-3]))
    assert larger.crystals[1] is both().crystals[1]
    length_m = both().crystals[0].cell.lengths_m[0]
    assert float(larger.crystals[0].cells[0] * length_m) == pytest.approx(1e-6)


@pytest.mark.parametrize(
    ("crystals", "path", "said"),
    [
        (2, "crystal.cells", "which has 2 crystals; use crystals[0].cells or crystals[1].cells"),
        (2, "crystals[2].cells", "which has 2 crystals; use crystals[0].cells or crystals[1].cells"),
        (2, "crystals[0].water_um", "which has 2 crystals; use crystal.water_um"),
        (2, "crystals[1].misst_deg", "did you mean crystals[1].misset_deg?"),
        (1, "crystals[0].cells", "which has one crystal; use crystal.cells"),
        (0, "crystal.cells", "no parameter of this experiment, which has no crystal"),
        (0, "crystals[0].water_um", "which has no crystal; use crystal.water_um"),
    ],
)
def test_a_name_that_fits_no_crystal_is_answered_with_the_choices(crystals: int, path: str, said: str) -> None:
    experiment = replace(both(), crystals=both().crystals[:crystals])
    with pytest.raises(ConfigError) as caught:
        find(parameters_of(experiment), path)
    assert said in str(caught.value)


def test_several_waters_are_no_one_parameter() -> None:
    wet = replace(both(), backgrounds=both().backgrounds * 2)
    with pytest.raises(ConfigError, match="needs one background of water"):
        find(parameters_of(wet), "crystal.water_um")
