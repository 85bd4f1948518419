"""Completion of (range, step, count)."""

from __future__ import annotations

import pytest

from nbjax.resolve.steps import grid_steps, rotation_steps


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ((None, None, None), (0.0, 0.0, 1)),
        ((None, 0.5, None), (0.5, 0.5, 2)),
        ((2.0, None, None), (2.0, 1.0, 2)),
        ((2.0, 0.3, None), (2.0, 0.3, 7)),
        ((None, None, 4), (1.0, 0.25, 4)),
        ((None, 0.5, 9), (0.5, 0.5, 2)),
        ((2.0, None, 4), (2.0, 0.5, 4)),
        ((2.0, 0.1, 4), (2.0, 0.1, 4)),
    ],
)
def test_rotation(given: tuple, wanted: tuple) -> None:
    steps = rotation_steps(*given)
    assert (steps.range, steps.step, steps.count) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ((None, None, None), (0.0, 0.0, 1)),
        ((None, 0.5, None), (0.5, 0.5, 2)),
        ((2.0, None, None), (2.0, 2.0, 2)),
        ((2.0, 0.3, None), (2.0, 0.3, 7)),
        ((None, None, 4), (8.0, 2.0, 4)),
        ((2.0, None, 5), (2.0, 0.5, 5)),
        ((2.0, None, 1), (2.0, 2.0, 2)),
        ((2.0, 0.1, 4), (2.0, 0.1, 4)),
        ((0.0, None, 4), (0.0, 0.0, 1)),
    ],
)
def test_grid(given: tuple, wanted: tuple) -> None:
    steps = grid_steps(*given, 8.0)
    assert (steps.range, steps.step, steps.count) == pytest.approx(wanted)
