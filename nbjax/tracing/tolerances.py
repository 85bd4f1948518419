"""How far two values may differ and still count as equal."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from nbjax.tracing.document import TraceError
from nbjax.tracing.keys import NEAR, PIXEL, SAMPLE, Key

ALL = "all"
"""Name that stands for every key that is no whole number."""


@dataclass(frozen=True)
class Tolerance:
    """The difference that one key admits: the largest of three.

    Attributes:
        relative: relative to the reference, to the length of a vector for its components.
        absolute: in the key's unit.
        of_largest: relative to the largest value of the reference's samples.
    """

    relative: float
    absolute: float = 0.0
    of_largest: float = 0.0


@dataclass(frozen=True)
class Tolerances:
    """The tolerances of the table of keys, and relative ones given instead of them.

    Attributes:
        given: relative tolerance by key or another spelling of it; that of a sample column is also for the pixel's key
            of the same quantity, and ``all`` for every key without its own that is no whole number.
    """

    given: Mapping[str, float] = field(default_factory=dict)

    def of(self, name: str, key: Key | None) -> Tolerance:
        """Tolerance of one key; 0 admits no difference at all.

        Args:
            name: the key.
            key: its entry in the table of keys; None if it has none.
        """
        default = Tolerance(NEAR)
        if key is not None:
            default = Tolerance(0.0 if key.whole else key.relative, key.absolute, key.of_largest)
        given = next((self.given[word] for word in (name, *_other_names(key)) if word in self.given), None)
        if given is None and not (key is not None and key.whole):
            given = self.given.get(ALL)
        if given is None:
            return default
        return Tolerance(given, default.absolute, default.of_largest) if given else Tolerance(0.0)

    def check_names(self, more: Iterable[str]) -> None:
        """Make sure that every tolerance is for a key.

        Args:
            more: keys beside those of the table.

        Raises:
            TraceError: one is not.
        """
        spellings = (alias for key in (*PIXEL.values(), *SAMPLE.values()) for alias in key.aliases)
        known = [*PIXEL, *SAMPLE, ALL, *spellings, *more]
        for name in self.given:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1, 0.0)
                raise TraceError(f"--tolerance {name}: there is no such key; did you mean {near[0]}?")


def _other_names(key: Key | None) -> tuple[str, ...]:
    if key is None:
        return ()
    return (*key.aliases, *(key.columns if key.size == 1 else ()))


def read_tolerances(words: Iterable[str]) -> Tolerances:
    """Tolerances from words of the form key=relative; the last one for a key counts.

    Raises:
        TraceError: one is not of this form, or its number is negative or not finite.
    """
    given = {}
    for word in words:
        name, separator, text = word.partition("=")
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not separator or not name or not 0 <= number < math.inf:
            raise TraceError(f"--tolerance {word}: give key=number, a relative difference of 0 or more (F_cell=1e-6)")
        given[name] = number
    return Tolerances(given)
