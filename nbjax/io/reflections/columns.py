"""The column of a reflection file that becomes the structure factors: by name, or by an order of preference.

Measured values come before calculated ones, amplitudes before intensities, and a pair of Friedel mates before their
mean; of equals the first of the file. Map coefficients and differences are taken by name alone.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from nbjax.errors import FileError
from nbjax.io.reflections.reflection_list import Kind

Origin = Literal["measured", "calculated", "map coefficient"]
_ORDER: tuple[Origin, ...] = ("measured", "calculated", "map coefficient")
_SHOWN = 12


@dataclass(frozen=True)
class Column:
    """A column as its file describes it.

    Attributes:
        label: name in the file.
        type: as the file calls it, for messages; empty where the name says it.
        kind: amplitudes or intensities; None for what is neither.
        origin: where the values come from.
        sign: 1 for those of h k l, -1 for those of -h -k -l, 0 where the file does not tell them apart.
        mate: label of the column of the other sign.
        sigma: label of the standard deviations.
        phase: label of the phases.
    """

    label: str
    type: str = ""
    kind: Kind | None = None
    origin: Origin = "measured"
    sign: Literal[-1, 0, 1] = 0
    mate: str | None = None
    sigma: str | None = None
    phase: str | None = None

    @property
    def name(self) -> str:
        """Label, with that of the mates."""
        return self.label if self.mate is None else f"{self.label}, {self.mate}"


def choose_column(columns: Sequence[Column], wanted: str | None, name: str) -> tuple[Column, tuple[str, ...]]:
    """The column to take, that of h k l where mates stand apart, and a sentence about the choice where there was one.

    Args:
        columns: of the file, without the indices.
        wanted: label given by the user.
        name: of the file, for messages.

    Raises:
        FileError: there is no such column, or none that holds amplitudes or intensities.
    """
    usable = [column for column in columns if column.kind is not None]
    if wanted is not None:
        return _named(columns, wanted, name), ()
    candidates = [column for column in usable if column.origin != "map coefficient" and column.sign >= 0]
    if not candidates:
        remedy = (
            "it holds map coefficients, which crystal.reflections_column takes by name"
            if usable
            else ("give a file with amplitudes or intensities")
        )
        raise FileError(f"{name}: has no column of amplitudes or intensities among {_listed(columns)}; {remedy}")
    best = min(candidates, key=_rank)
    others = [column.name for column in candidates if column is not best]
    if not others:
        return best, ()
    sentence = (
        f"{name}: the {best.origin} {best.kind or ''} of column {best.name} is taken; crystal.reflections_column takes "
        f"another: {', '.join(others[:_SHOWN])}"
    )
    return best, (sentence,)


def _rank(column: Column) -> tuple[int, bool, bool]:
    return _ORDER.index(column.origin), column.kind != "amplitude", column.mate is None


def _named(columns: Sequence[Column], wanted: str, name: str) -> Column:
    first = wanted.split(",")[0].strip()
    found = next((column for column in columns if column.label in (wanted, first)), None)
    if found is None:
        near = difflib.get_close_matches(wanted, [column.label for column in columns], 1)
        hint = f"did you mean {near[0]!r}?" if near else f"it has {_listed(columns)}"
        raise FileError(f"{name}: has no column {wanted!r}; {hint}")
    if found.kind is None:
        shown = f" (type {found.type})" if found.type else ""
        raise FileError(
            f"{name}: column {found.label!r}{shown} holds neither amplitudes nor intensities; it has {_listed(columns)}"
        )
    if found.sign < 0:
        return next((column for column in columns if column.label == found.mate), found)
    return found


def _listed(columns: Sequence[Column]) -> str:
    shown = [f"{column.label} ({column.type})" if column.type else column.label for column in columns]
    more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    return (", ".join(shown[:_SHOWN]) or "no column") + more
