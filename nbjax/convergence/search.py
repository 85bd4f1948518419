"""The fewest samples whose result no longer changes by more than the wanted error when they are doubled."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from nbjax.convergence.change import Change
from nbjax.convergence.dimension import Counts, Dimension

Result = Float[np.ndarray, " n"]

_PASSES = 3
_BEGIN = 1 / 64
"""The largest effort that a search begins with."""
MOST_EFFORT = 8.0
"""The check of all counts together may cost so many times what a doubling may."""


@dataclass(frozen=True)
class Trial:
    """One count of one dimension, the others standing still.

    Attributes:
        dimension: its name.
        count: what was tried.
        finest: the count it was compared with; the same where there is no finer one.
        change: the larger of those from the count to twice and to four times as many.
        good: whether that is within the wanted error.
    """

    dimension: str
    count: int
    finest: int
    change: Change
    good: bool


@dataclass(frozen=True)
class Found:
    """What a search came to.

    Attributes:
        counts: name of a dimension -> count.
        alone: name -> change from this count to a four times finer one when it was last looked at; None: never, it
            would have cost too much.
        short: names of the dimensions that need more than could be tried.
        check: the error with all counts refined together; None where that cost too much.
        met: whether the error is within what was wanted.
        finest: the result that the counts were compared with in the end.
    """

    counts: Counts
    alone: Mapping[str, Change | None]
    short: tuple[str, ...]
    check: Change | None
    met: bool
    finest: Result


@dataclass
class Search:
    """A search for counts.

    Attributes:
        dimensions: what is sampled.
        result: of counts; asked for again, it should be remembered.
        change: from a result to a finer one.
        effort: of a result, as a part of what may be spent on one.
        error: the largest change that is wanted.
        tell: called with every trial.
    """

    dimensions: tuple[Dimension, ...]
    result: Callable[[Counts], Result]
    change: Callable[[Result, Result], Change]
    effort: Callable[[Counts], float]
    error: float
    tell: Callable[[Trial], None] = lambda trial: None

    def __post_init__(self) -> None:
        self._levels = {one.name: one.start for one in self.dimensions}
        self._told: set[tuple[Any, ...]] = set()
        self._alone: dict[str, Change | None] = {}

    def run(self) -> Found:
        """Search each dimension while the others stand at their present best, then all together."""
        self._begin()
        for _ in range(_PASSES):
            before = dict(self._levels)
            for one in self.dimensions:
                self._settle(one)
            if self._levels == before:
                break
        check, finest = self._together()
        while check is not None and check.largest > self.error and not self._short():
            coarsest = self._coarsest()
            if coarsest is None:
                break
            self._levels[coarsest.name] += 1
            for one in self.dimensions:
                self._trial(one, self._levels[one.name])
            check, finest = self._together()
        met = check is not None and check.largest <= self.error and not self._short()
        return Found(self._counts(), dict(self._alone), self._short(), check, met, finest)

    def _short(self) -> tuple[str, ...]:
        """Dimensions that were never seen to be fine enough."""
        alone = {one.name: self._alone.get(one.name) for one in self.dimensions}
        return tuple(name for name, far in alone.items() if far is None or far.largest > self.error)

    def _begin(self) -> None:
        """Come down from counts that leave no time for finer ones."""
        for one in self.dimensions:
            while self._levels[one.name] > 0 and self._finer(one, self._levels[one.name], 2) is None:
                self._levels[one.name] -= 1
        while self.effort(self._counts()) > _BEGIN and any(self._levels.values()):
            higher = [one for one in self.dimensions if self._levels[one.name] > 0]
            costliest = max(higher, key=lambda one: one.levels[self._levels[one.name]] ** math.log2(one.cost))
            self._levels[costliest.name] -= 1

    def _counts(self, levels: Mapping[str, int] | None = None) -> dict[str, int]:
        """Counts by present levels, and by others in the place of some."""
        at = {**self._levels, **(levels or {})}
        return {one.name: one.levels[at[one.name]] for one in self.dimensions}

    def _finer(self, one: Dimension, level: int, doublings: int) -> int | None:
        """The level of so many doublings more; the last where that leaves nothing out, else None past the end."""
        last = len(one.levels) - 1
        if level + doublings > last:
            return last if one.exhausted else None
        return level + doublings

    def _far(self, one: Dimension, level: int) -> Change | None:
        """The change to twice and four times as many, the larger of each kind; None where it cannot be had."""
        twice, four = (self._finer(one, level, doublings) for doublings in (1, 2))
        if twice is None or four is None or self.effort(self._counts({one.name: four})) > 1:
            return None
        here, *finer = (self.result(self._counts({one.name: at})) for at in (level, twice, four))
        changes = [self.change(here, result) for result in finer]
        return Change(*(max(getattr(each, kind) for each in changes) for kind in ("pixel", "spot", "total")))

    def _trial(self, one: Dimension, level: int) -> bool | None:
        """Whether a level is fine enough; None where it cannot be told."""
        far = self._far(one, level)
        if far is None:
            return None
        finest = one.levels[self._finer(one, level, 2) or level]
        trial = Trial(one.name, one.levels[level], finest, far, far.largest <= self.error)
        key = (one.name, *self._counts({one.name: level}).values())
        if key not in self._told:
            self._told.add(key)
            self.tell(trial)
        return trial.good

    def _settle(self, one: Dimension) -> None:
        """Move a dimension to the first good level, down from where it is or up; or leave it where none can be told."""
        level = self._levels[one.name]
        good = self._trial(one, level)
        while good and level > 0 and self._trial(one, level - 1):
            level -= 1
        while good is False and level + 1 < len(one.levels):
            good = self._trial(one, level + 1)
            level += good is not None
        self._levels[one.name] = level
        if good is not None or one.name not in self._alone:
            self._alone[one.name] = self._far(one, level)

    def _together(self) -> tuple[Change | None, Result]:
        """The error with all counts refined at once, and the result that tells it.

        All are doubled, and what doubling each once more changes is added.
        """
        here = self.result(self._counts())
        finer = {one.name: [self._finer(one, self._levels[one.name], n) for n in (1, 2)] for one in self.dimensions}
        doubled = {name: self._levels[name] if twice is None else twice for name, (twice, _) in finer.items()}
        if self.effort(self._counts(doubled)) > MOST_EFFORT:
            return None, here
        finest = self.result(self._counts(doubled))
        for name, (twice, four) in finer.items():
            if twice is None or four is None or self.effort(self._counts({name: four})) > 1:
                continue
            finest = finest + self.result(self._counts({name: four})) - self.result(self._counts({name: twice}))
        return self.change(here, finest), finest

    def _coarsest(self) -> Dimension | None:
        """The dimension whose doubling promises most for what it costs; None where none can be looked at."""
        best, most = None, 0.0
        for one in self.dimensions:
            level = self._levels[one.name]
            finer, far = self._finer(one, level, 1), self._far(one, level)
            if far is None or finer in (None, level) or self._far(one, level + 1) is None:
                continue
            promise = far.largest / math.log2(one.cost)
            if promise > most:
                best, most = one, promise
        return best
