"""Distributions of drawn numbers: what each needs, its quantiles, and how far it reaches."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtr, ndtri

from nbjax.dataset.columns import numbers_of_column
from nbjax.dataset.section import Draw
from nbjax.errors import Fault

_NEEDS = {
    "normal": {"mean", "sigma"},
    "uniform": {"low", "high"},
    "lognormal": {"median", "sigma"},
    "categorical": {"values"},
    "column": {"file", "column"},
}
_TAKES = {"normal": {"low", "high"}, "lognormal": {"low", "high"}, "categorical": {"weights"}}
_FIELDS = ("mean", "sigma", "low", "high", "median", "values", "weights", "file", "column")


def quantile(draw: Draw, u: float) -> float:
    """The number below which a share ``u`` of a distribution lies; of "column" there is none.

    Args:
        draw: one without faults.
        u: between 0 and 1, ends excluded.
    """
    if draw.distribution == "uniform":
        assert draw.low is not None
        assert draw.high is not None
        return draw.low + (draw.high - draw.low) * u
    if draw.distribution == "categorical":
        assert draw.values is not None
        ends = np.cumsum(draw.weights or np.ones(len(draw.values)))
        return draw.values[int(np.searchsorted(ends, u * ends[-1], "right"))]
    return _of_deviate(draw, _deviate(draw, u))


def support(draw: Draw) -> tuple[float, float]:
    """Smallest and largest number that a draw can give.

    Raises:
        FileError: the file of a column cannot be read.
    """
    if draw.distribution == "column":
        column = numbers_of_column(draw)
        return float(column.min()), float(column.max())
    if draw.distribution == "categorical":
        assert draw.values is not None
        possible = [
            x for x, weight in zip(draw.values, draw.weights or [1.0] * len(draw.values), strict=True) if weight
        ]
        return min(possible), max(possible)
    return quantile(draw, 2.0**-54), quantile(draw, 1 - 2.0**-53)


def _deviate(draw: Draw, u: float) -> float:
    """Standard deviate of a normal distribution that may be cut at both ends."""
    if draw.low is None and draw.high is None:
        return float(ndtri(u))
    low, high = _cuts(draw)
    # in the tail that keeps the digits
    sign = -1.0 if low > 0 else 1.0
    below, above = sorted((float(ndtr(sign * low)), float(ndtr(sign * high))))
    cut = sign * float(ndtri(below + (above - below) * (u if sign > 0 else 1 - u)))
    return min(max(cut, low), high)


def _cuts(draw: Draw) -> tuple[float, float]:
    """Where a distribution is cut, in standard deviations."""
    return _cut(draw, draw.low, -math.inf), _cut(draw, draw.high, math.inf)


def _cut(draw: Draw, end: float | None, without: float) -> float:
    if end is None:
        return without
    assert draw.sigma is not None
    centre = draw.mean
    if draw.median is not None:
        centre, end = math.log(draw.median), math.log(end) if end > 0 else -math.inf
    assert centre is not None
    return (end - centre) / draw.sigma if draw.sigma else math.copysign(math.inf, end - centre or without)


def _of_deviate(draw: Draw, deviate: float) -> float:
    assert draw.sigma is not None
    if draw.distribution == "normal":
        assert draw.mean is not None
        number = draw.mean + draw.sigma * deviate
    else:
        assert draw.median is not None
        number = draw.median * float(np.exp(draw.sigma * deviate))
    number = number if draw.low is None else max(number, draw.low)
    return number if draw.high is None else min(number, draw.high)


def distribution_faults(place: str, draw: Draw) -> list[Fault]:
    """What is wrong with the numbers of a distribution.

    Args:
        place: of the draw, as ``dataset.draws.0``.
        draw: of any kind.
    """
    given = {name for name in _FIELDS if getattr(draw, name) is not None}
    needs, takes = _NEEDS[draw.distribution], _TAKES.get(draw.distribution, set())
    faults = [
        Fault(f"{place}.{name}", f"missing; the distribution {draw.distribution!r} needs it")
        for name in sorted(needs - given)
    ]
    faults += [
        Fault(f"{place}.{name}", f"does not belong to the distribution {draw.distribution!r}")
        for name in sorted(given - needs - takes)
    ]
    if draw.sigma is not None and draw.sigma < 0:
        faults.append(Fault(f"{place}.sigma", f"got {draw.sigma:g}, must not be negative"))
    if draw.median is not None and draw.median <= 0:
        faults.append(Fault(f"{place}.median", f"got {draw.median:g}, must be above zero"))
    if draw.low is not None and draw.high is not None and draw.low > draw.high:
        faults.append(Fault(f"{place}.low", f"got {draw.low:g}, must not exceed high = {draw.high:g}"))
    if draw.column is not None and draw.column < 0:
        faults.append(Fault(f"{place}.column", f"got {draw.column}, columns are counted from 0"))
    faults += _categorical_faults(place, draw)
    if not faults and draw.distribution in ("normal", "lognormal"):
        low, high = _cuts(draw)
        if min(float(ndtr(high)), float(ndtr(-low))) < 1e-12 or (low > 0 and low == high):
            faults.append(Fault(f"{place}.low", "leaves nothing of the distribution between low and high; widen them"))
    return faults


def _categorical_faults(place: str, draw: Draw) -> list[Fault]:
    values, weights = draw.values, draw.weights
    if values is not None and not values:
        return [Fault(f"{place}.values", "is empty; list the numbers to choose from")]
    if values is None or weights is None:
        return []
    if len(weights) != len(values):
        return [Fault(f"{place}.weights", f"got {len(weights)}, {len(values)} are wanted, one for each of values")]
    if min(weights) < 0 or not sum(weights) > 0:
        return [Fault(f"{place}.weights", f"got {weights}, must not be negative, and not all zero")]
    return []
