"""Places in trees of dataclasses."""

from __future__ import annotations

from dataclasses import replace

import jax.numpy as jnp
import pytest
from cases import small_config

from nbjax import prepare, put
from nbjax.errors import ArgumentError, StructureError
from nbjax.fields import look_up


def test_what_is_put_at_a_place_is_found_there_and_nothing_else_changes() -> None:
    experiment = prepare(small_config(crystal={"water_um": 5.0}))
    for place in ("crystals.0.cell.misset_rad", "crystal.cells", "panel.distance_m", "backgrounds.0.size_m"):
        moved = put(experiment, place, 2 * look_up(experiment, place) + 1)
        assert jnp.array_equal(look_up(moved, place), 2 * look_up(experiment, place) + 1)
        back = put(moved, place, look_up(experiment, place))
        assert str(back) == str(experiment) != str(moved)


def test_the_only_crystal_of_two_is_an_error() -> None:
    experiment = prepare(small_config())
    two = replace(experiment, crystals=experiment.crystals * 2)
    with pytest.raises(StructureError, match="one crystal, and the experiment has 2"):
        put(two, "crystal.cells", jnp.ones(3))
    moved = put(two, "crystals.1.cells", jnp.ones(3))
    assert moved.crystals[0] is two.crystals[0]
    assert float(moved.crystals[1].cells.sum()) == 3.0


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("beam.wavelength_A", "got 'wavelength_A', BeamParameters has direction, wavelength_m"),
        ("beam.nothing.more", "got 'nothing', BeamParameters has"),
        ("", "got '', Experiment has beam"),
        ("oversample", "got 'oversample', Experiment has beam"),
        ("crystals.1.cells", "got place 1 of 1"),
        ("crystals.0.cells.x", "has numbers from 0"),
    ],
)
def test_a_place_that_does_not_exist_is_told_with_those_that_do(place: str, said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        put(prepare(small_config()), place, 1.0)


def test_brackets_are_points() -> None:
    experiment = prepare(small_config())
    assert str(put(experiment, "crystals[0].cells", 1.0)) == str(put(experiment, "crystals.0.cells", 1.0))
