from __future__ import annotations

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nbjax.geometry.frames import across, turn_between, unit

AXIS = st.tuples(*[st.floats(-1, 1)] * 3).map(np.array).filter(lambda axis: np.linalg.norm(axis) > 0.1)


@settings(max_examples=50)
@given(beam=AXIS, spindle=AXIS, to_beam=AXIS, to_spindle=AXIS)
@example(np.array([0, 1e-5, 0.5]), np.array([0.0, 0, 1]), np.array([0.0, 0, 1]), np.array([0.0, 0, 1]))
def test_beam_goes_onto_beam_and_spindle_as_near_as_it_goes(
    beam: np.ndarray, spindle: np.ndarray, to_beam: np.ndarray, to_spindle: np.ndarray
) -> None:
    turn = turn_between(beam, spindle, to_beam, to_spindle)
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(turn) > 0
    np.testing.assert_allclose(turn @ unit(beam), unit(to_beam), atol=1e-12)
    np.testing.assert_allclose(turn @ across(spindle, beam), across(to_spindle, to_beam), atol=1e-12)
    np.testing.assert_array_equal(turn_between(beam, spindle, beam, spindle), np.eye(3))


@settings(max_examples=50)
@given(direction=AXIS, beam=AXIS)
def test_what_lies_across_the_beam(direction: np.ndarray, beam: np.ndarray) -> None:
    found = across(direction, beam)
    assert abs(found @ unit(beam)) < 1e-15
    assert abs(np.linalg.norm(found) - 1) < 1e-12
    assert found @ direction > -1e-9
    assert abs(across(beam, beam) @ unit(beam)) < 1e-9
