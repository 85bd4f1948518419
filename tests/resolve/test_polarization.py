from __future__ import annotations

import numpy as np
import pytest
from cases import small_config
from hypothesis import given, settings
from hypothesis import strategies as st

from nbjax.config.edit import with_values
from nbjax.errors import ConfigError
from nbjax.parameters import parameters_of
from nbjax.preparation import prepare
from nbjax.resolve import resolve

CUSTOM = small_config(detector={"convention": "custom"})


def test_a_fraction_is_the_share_of_the_intensity_along_the_axis() -> None:
    config = small_config(beam={"polarization_fraction": 0.99})
    resolved = resolve(config)
    along, across = (1 + resolved.beam.polarization) / 2, (1 - resolved.beam.polarization) / 2
    assert along / (along + across) == pytest.approx(0.99, rel=1e-15)
    assert resolved.notes["beam.polarization"][1] == "2 beam.polarization_fraction - 1"
    experiment = prepare(config)
    table = parameters_of(experiment)
    assert np.asarray(table["beam.polarization_fraction"].get(experiment)) == pytest.approx(0.99, rel=1e-15)


@settings(max_examples=30)
@given(st.lists(st.floats(-1, 1), min_size=6, max_size=6))
def test_the_electric_vector_is_across_the_beam_and_the_normal(numbers: list[float]) -> None:
    beam, normal = np.array(numbers[:3]), np.array(numbers[3:])
    if np.linalg.norm(np.cross(beam, normal)) < 1e-3:
        return
    given_ = {"beam.direction": tuple(beam), "beam.polarization_normal": tuple(normal)}
    axis = resolve(with_values(CUSTOM, {**given_, "detector.distance_mm": None})).detector.polarization_axis
    assert np.linalg.norm(axis) == pytest.approx(1)
    assert abs(axis @ beam) < 1e-12
    assert abs(axis @ normal) < 1e-12


def test_a_normal_is_as_good_as_its_axis() -> None:
    # beam along x, normal along z: the electric vector is along y
    by_normal = prepare(with_values(CUSTOM, {"beam.direction": (1, 0, 0), "beam.polarization_normal": (0, 0, 3.0)}))
    np.testing.assert_allclose(np.abs(by_normal.beam.polarization_axis), [0, 1, 0], atol=1e-15)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"beam.polarization": 0.9, "beam.polarization_fraction": 0.95}, "polarization_fraction: given together"),
        ({"beam.polarization_fraction": 1.2}, "polarization_fraction: got 1.2, must be 0 to 1"),
        ({"beam.polarization_normal": (0, 1, 0), "beam.polarization_axis": (0, 0, 1)}, "_normal: given together"),
        ({"beam.direction": (1, 0, 0), "beam.polarization_normal": (2, 0, 0)}, "_normal: got .*along the beam"),
        ({"beam.polarization_normal": (0, 0, 0)}, "must not be the zero vector"),
        ({"detector.convention": "xds", "beam.polarization_normal": (0, 1, 0)}, 'set detector.convention = "custom"'),
    ],
)
def test_contradictions_are_named(changes: dict, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        resolve(with_values(CUSTOM, changes))
