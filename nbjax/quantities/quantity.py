"""One quantity: everything that the rest of the program may ask about a number."""

from __future__ import annotations

from dataclasses import dataclass

from nbjax.quantities.interval import ANY, Interval, shown
from nbjax.quantities.unit import UNITS

XYZ = ("x", "y", "z")
ABC = ("a", "b", "c")
ONE = ("",)


@dataclass(frozen=True)
class Quantity:
    """A number, or a few that belong together, of a configuration or of an experiment.

    Attributes:
        key: configuration key; or a name of its own where no key fits (``scale``), which only fits know.
        meaning: what it is, as messages say it.
        unit: key of ``UNITS``.
        hard: values outside are an error.
        plausible: values outside are a warning; None: the same as ``hard``.
        physical: values that physics allows whatever their size, between which a fit keeps; None: zero and above where
            ``hard`` has none below zero, all otherwise.
        zero: what a value of exactly zero does, where it is allowed and a user should know.
        labels: names of the components; empty where they depend on the experiment.
        typical: a change that is neither large nor small; None: a hundredth of the value.
        place: where it is in an experiment, below its section; None: it has an accessor of its own.
        unless: (place, choice) of an experiment that does not have it.
        fitted, drawn, attributed: whether a fit may move it, a dataset draw it, an attribution blame it.
        same: other parameters that move the same, so that no data tell them apart.
        replaces: keys that say the same in another way, and give way to it.
    """

    key: str
    meaning: str
    unit: str = "1"
    hard: Interval = ANY
    plausible: Interval | None = None
    physical: Interval | None = None
    zero: str = ""
    labels: tuple[str, ...] = ONE
    typical: float | None = None
    place: str | None = None
    unless: tuple[str, object] | None = None
    fitted: bool = False
    drawn: bool = False
    attributed: bool = False
    same: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()

    @property
    def section(self) -> str:
        """Section of the configuration; empty for a name of its own."""
        return self.key.rpartition(".")[0]

    @property
    def name(self) -> str:
        """Key inside the section."""
        return self.key.rpartition(".")[2]

    @property
    def usual(self) -> Interval:
        """Values that need no warning."""
        return self.hard if self.plausible is None else self.plausible

    @property
    def possible(self) -> Interval:
        """Values between which a fit keeps."""
        return self.physical or (Interval(0.0) if self.hard.low >= 0 else ANY)

    @property
    def in_unit(self) -> str:
        """The unit after a blank, as messages show it; nothing for counts and vectors."""
        return "" if self.unit in ("1", "cells", "vector") else f" {self.unit}"

    @property
    def range_shown(self) -> str:
        """Values that need no warning, as the documentation has them."""
        return "" if self.usual == ANY else str(self.usual)

    def error(self, value: float | int) -> str | None:
        """What is wrong with a value that cannot be, and the remedy."""
        if value in self.hard:
            return None
        return f"got {shown(value)}, {self._wanted(value)}; {self._slip(value) or f'give {self.meaning}'}"

    def doubt(self, value: float | int) -> str | None:
        """What is unusual about a value that can be, in a sentence that names the key."""
        if value not in self.hard:
            return None
        if value == 0 and self.zero:
            return f"{self.key} = 0: {self.zero}"
        if value in self.usual or value == 0:
            return None
        slip = self._slip(value)
        return f"{self.key} = {shown(value)}: {self.usual}{self.in_unit} is usual{f'; {slip}' if slip else ''}"

    def _wanted(self, value: float | int) -> str:
        if self.hard.low == 1 and value < 1 and self.unit in ("1", "cells"):
            return "must be a count of at least 1"
        if value <= 0 <= self.hard.low:
            return "must not be negative" if 0.0 in self.hard else "must be above zero"
        return f"must be {self.hard}{self.in_unit}"

    def _slip(self, value: float | int) -> str:
        """A unit in which the number would be usual."""
        for unit, factor in UNITS[self.unit].mistaken:
            if value and value * factor in self.usual:
                return f"if it is in {unit}, give {shown(value * factor)}"
        return ""
