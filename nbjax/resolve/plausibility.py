"""Numbers of a configuration against the ranges in which they make sense."""

from __future__ import annotations

from typing import Any

from nbjax.config.edit import tables_of, with_values
from nbjax.config.tree import Config
from nbjax.quantities import QUANTITIES
from nbjax.resolve.notes import Notes

_STAND_INS: dict[str, Any] = {"crystal.cell_A": (100.0, 100.0, 100.0), "crystal.default_F": 1.0}
"""What takes the place of an impossible value where leaving it out would be a fault of its own."""


def check_ranges(config: Config, notes: Notes) -> Config:
    """Note every number that cannot be as a fault, and every unusual one as a warning.

    Returns:
        The configuration without the impossible numbers, so that what else is wrong can be found too.
    """
    impossible: dict[str, Any] = {}
    for quantity in QUANTITIES.values():
        for place, table in tables_of(config, quantity.section):
            key, values = f"{place}.{quantity.name}", _given(table, quantity.name)
            errors = [error for value in values if (error := quantity.error(value))]
            if errors:
                shown = " ".join(f"{value:g}" for value in values)
                notes.fault(key, errors[0] if len(values) == 1 else f"got {shown}{errors[0][errors[0].index(',') :]}")
                impossible[key] = _STAND_INS.get(quantity.key)
                continue
            doubts = [doubt for value in values if (doubt := quantity.doubt(value))]
            if doubts:
                notes.warn(doubts[0].replace(quantity.key, key))
    return with_values(config, impossible)


def _given(table: Any, name: str) -> tuple[float, ...]:
    value = getattr(table, name, None)
    values = value if isinstance(value, tuple) else () if value is None else (value,)
    return tuple(map(float, values))
