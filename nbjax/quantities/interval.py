"""Ranges of numbers that make sense."""

from __future__ import annotations

import math
from dataclasses import dataclass

_WHOLE = 1e10


def shown(number: float | int) -> str:
    """A number as messages show it: digits of whole ones, powers of ten of very large and small ones."""
    return f"{int(number)}" if abs(number) < _WHOLE and number == int(number) else f"{number:.7g}"


@dataclass(frozen=True)
class Interval:
    """Numbers from ``low`` to ``high``.

    Attributes:
        low, high: ends, infinite where there is none.
        open_low, open_high: whether the end itself is left out.
    """

    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False

    def __contains__(self, value: float | int) -> bool:
        above = value > self.low if self.open_low else value >= self.low
        return above and (value < self.high if self.open_high else value <= self.high)

    def __str__(self) -> str:
        if math.isinf(self.low) and math.isinf(self.high):
            return "any"
        low = f"above {shown(self.low)}" if self.open_low else f"{shown(self.low)} or more"
        if math.isinf(self.high):
            return low
        high = f"below {shown(self.high)}" if self.open_high else f"{shown(self.high)} or less"
        if math.isinf(self.low):
            return high
        high = high if self.open_high else f"up to {shown(self.high)}"
        return f"{low}, {high}" if self.open_low or self.open_high else f"{shown(self.low)} to {shown(self.high)}"


ANY = Interval()


def within(low: float, high: float) -> Interval:
    """From ``low`` to ``high``, ends included."""
    return Interval(low, high)


def up_to(high: float) -> Interval:
    """From zero to ``high``, ends included."""
    return Interval(0.0, high)


def above_zero(high: float = math.inf) -> Interval:
    """Above zero, up to ``high``."""
    return Interval(0.0, high, open_low=True)


def around_zero(most: float) -> Interval:
    """From ``-most`` to ``most``."""
    return Interval(-most, most)
