"""How (range, step, count) of a sampled spread are completed from what is given, as nanoBragg completes them."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Steps:
    """A completed sampling.

    Attributes:
        range: full width, in the unit of the arguments.
        step: spacing.
        count: number of points.
        step_given: whether ``step`` is the user's own number rather than derived from range and count.
        origin: how it came about, in words.
    """

    range: float
    step: float
    count: int
    step_given: bool
    origin: str


NONE = Steps(0.0, 0.0, 1, False, "not sampled")


def rotation_steps(range_: float | None, step: float | None, count: int | None, nominal: float = 1.0) -> Steps:
    """Spindle rotation: range and count give step = range/count; the last step ends short of the full range.

    A negative range or step turns the other way; ``step`` must not be zero.
    """
    if count is None and range_ is None:
        return NONE if step is None else Steps(step, step, 2, True, "step alone: range = step, 2 steps")
    if range_ is None:
        if step is None:
            assert count is not None
            return Steps(nominal, nominal / count, count, False, "count alone: nominal range of 1 degree")
        return Steps(step, step, 2, True, "step and count: range = step, 2 steps")
    if count is None:
        if step is None:
            return Steps(range_, range_ / 2, 2, False, "range alone: 2 steps")
        return Steps(range_, step, max(1, math.ceil(range_ / step)), True, "range and step")
    if step is None:
        return Steps(range_, range_ / count, count, False, "range and count")
    return Steps(range_, step, count, True, "range, step and count as given")


def grid_steps(range_: float | None, step: float | None, count: int | None, nominal: float) -> Steps:
    """Divergence and dispersion: range and count give step = range/(count-1) with at least two points.

    A range of zero is not sampled; ``step`` must be above zero.
    """
    if range_ is None:
        if step is not None:
            return Steps(step, step, 2, True, "step alone: range = step, 2 points")
        if count is None:
            return NONE
        return Steps(nominal, nominal / count, count, False, "count alone: nominal range")
    if range_ == 0:
        return NONE
    if count is None:
        if step is None:
            return Steps(range_, range_, 2, False, "range alone: 2 points")
        return Steps(range_, step, math.ceil(range_ / step), True, "range and step")
    if step is None:
        count = max(count, 2)
        return Steps(range_, range_ / (count - 1), count, False, "range and count")
    return Steps(range_, step, count, True, "range, step and count as given")
