"""Which entries of the parity ledger make a candidate equal to its reference."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

Names = frozenset[str]
Score = Callable[[Names], dict[str, float]]
"""Largest residual of every quantity with a set of entries on."""

_EXHAUSTIVE = 4
"""Entries up to which every combination is tried."""

_WORTH = 0.3
"""Decades of one quantity's residual that an entry must gain, to be named while a difference remains."""


@dataclass(frozen=True)
class LedgerSearch:
    """What toggling entries does.

    Attributes:
        chosen: entries that are switched from the candidate's state.
        reproduces: whether they leave no difference above the tolerance.
        singles: the largest residual of every quantity with a single entry switched.
        tried: combinations that were evaluated.
    """

    chosen: tuple[str, ...]
    reproduces: bool
    singles: dict[str, dict[str, float]]
    tried: int


def search_ledger(names: Iterable[str], base: Names, residuals: Score, tolerance: float) -> LedgerSearch:
    """The smallest set of entries whose switching explains a difference, or the one that explains most of it.

    Args:
        names: entries that may matter, in the ledger's order.
        base: entries that are on in the candidate.
        residuals: evaluates a set of entries.
        tolerance: residual that counts as none.
    """
    names = tuple(names)
    known: dict[Names, float] = {}

    def score(chosen: Iterable[str]) -> float:
        """Decades above the tolerance, summed over the quantities."""
        key = frozenset(chosen)
        if key not in known:
            largest = residuals(base ^ key).values()
            known[key] = float(sum(np.log10(max(r, tolerance) / tolerance) for r in largest))
        return known[key]

    best: tuple[str, ...] = ()
    if score(()) > 0:
        for chosen in _candidates(names, score):
            gain = score(best) - score(chosen)
            if gain > _WORTH * (len(chosen) - len(best)) and gain > 0:
                best = chosen
            if score(best) == 0:
                break
        best = _without_idle(best, score)
    singles = {name: residuals(base ^ {name}) for name in names}
    return LedgerSearch(tuple(n for n in names if n in best), score(best) == 0, singles, len(known))


def _candidates(names: tuple[str, ...], score: Callable[[Iterable[str]], float]) -> Iterator[tuple[str, ...]]:
    """Combinations to try, the smallest first."""
    if len(names) <= _EXHAUSTIVE:
        for size in range(1, len(names) + 1):
            yield from combinations(names, size)
        return
    yield from combinations(names, 1)
    chosen: tuple[str, ...] = ()
    for _ in names:
        chosen = min(((*chosen, name) for name in names if name not in chosen), key=score)
        yield chosen


def _without_idle(chosen: tuple[str, ...], score: Callable[[Iterable[str]], float]) -> tuple[str, ...]:
    """The combination without entries that do nothing for it."""
    for name in chosen:
        fewer = tuple(other for other in chosen if other != name)
        if score(fewer) <= score(chosen):
            return _without_idle(fewer, score)
    return chosen
