"""What no detector can be, and what it is unlikely to be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from detectors import several
from hypothesis import given, settings
from hypothesis import strategies as st
from positions import rotation
from scipy.optimize import lsq_linear

from nbjax.errors import FileError
from nbjax.io.experiments.checks import check
from nbjax.io.experiments.overlaps import overlapping
from nbjax.io.experiments.recorded import RecordedGroup, RecordedPanel


def tile(
    name: str, origin_mm: object, turn: np.ndarray | None = None, pixels: tuple[int, int] = (20, 10)
) -> RecordedPanel:
    turn = np.eye(3) if turn is None else turn
    return RecordedPanel(name, turn @ np.asarray(origin_mm, float), turn[:, 0], turn[:, 1], (0.1, 0.1), pixels)


TURN = rotation(np.array([1.0, 2.0, -0.5]), 70.0)


@pytest.mark.parametrize(
    ("shift_px", "lies_on"),
    [
        ((20, 0, 0), False),
        ((19.1, 0, 0), False),
        ((18.9, 0, 0), True),
        ((0, -9.1, 0), False),
        ((-5, -8.9, 0), True),
        ((0, 0, 0), True),
        ((1, 1, 0.9), True),
        ((1, 1, 1.1), False),
        ((-19.1, 8, 0), False),
    ],
)
def test_panels_on_each_other(shift_px: tuple[float, float, float], lies_on: bool) -> None:
    panels = [tile("a", (0, 0, 90), TURN), tile("b", np.array([0, 0, 90]) + 0.1 * np.array(shift_px), TURN)]
    assert overlapping(panels) == ([(0, 1)] if lies_on else [])


@settings(max_examples=150)
@given(st.integers(0, 10_000))
def test_panels_that_cross(seed: int) -> None:
    random = np.random.default_rng(seed)
    panels, edges, corners = [], [], []
    for name in "ab":
        turn = rotation(random.normal(size=3), float(random.uniform(0, 180)))
        panels.append(tile(name, turn.T @ random.uniform(-0.7, 0.7, 3) - [1.0, 0.5, 0], turn))
        # half a pixel is taken off all round
        edges.append(np.stack([1.9 * turn[:, 0], 0.9 * turn[:, 1]], axis=1))
        corners.append(panels[-1].origin_mm + 0.05 * (turn[:, 0] + turn[:, 1]))
    nearest = lsq_linear(np.hstack([edges[0], -edges[1]]), corners[1] - corners[0], (0, 1), tol=1e-14)
    distance_mm = np.sqrt(2 * nearest.cost)
    if distance_mm < 1e-4:
        assert overlapping(panels) == [(0, 1)]
    # each has half a pixel of height on either side
    elif distance_mm > 0.1:
        assert overlapping(panels) == []


def test_remarks_on_doubtful_panels() -> None:
    made = several(groups=())
    panels = [tile(f"t{i}", (0, 0.5 * i, 90)) for i in range(7)]
    found = check(replace(made, panels=tuple(panels)))
    assert found.remarks == (
        "panels t0 and t1, t1 and t2, t2 and t3 and 3 more pairs lie on each other; check the file",
    )
    skewed = replace(panels[0], slow=np.array([0.002, 1.0, 0.0]))
    assert check(replace(made, panels=(skewed,))).remarks == (
        "panel t0 has axes that are not at right angles (cosine 0.002); check the file",
    )
    both = (skewed, replace(skewed, name="u", origin_mm=np.array([50.0, 0, 90])))
    assert check(replace(made, panels=both)).remarks[0].startswith("panels t0, u have axes that")
    fine = replace(made, panels=(panels[0], panels[3]))
    assert check(fine) is fine


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([("g", ())], "made: group 'g' names no panel; correct the file"),
        ([("g", (1, 7))], "made: group 'g' names the panel 7, of 7; correct the file"),
        ([("g", (0, 1, 2)), ("h", (2, 3))], "made: groups 'g' and 'h' share 1 panels, and neither is in the other"),
    ],
)
def test_groups_that_cannot_be(groups: list[tuple[str, tuple[int, ...]]], message: str) -> None:
    with pytest.raises(FileError, match=message):
        check(several(groups=tuple(RecordedGroup(*group) for group in groups)))


def test_groups_that_can(tmp_path: object) -> None:
    found = several()
    assert check(found).groups == found.groups
