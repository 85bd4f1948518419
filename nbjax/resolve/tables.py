"""Lists of tables that the C program knows nothing of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from nbjax.config.edit import tables_of
from nbjax.config.tree import Config
from nbjax.resolve.notes import Notes

T = TypeVar("T")


def resolved_tables(
    section: str, what: str, config: Config, notes: Notes, resolved: Callable[[str, Any], T | None]
) -> tuple[T, ...]:
    """What is made of each table of a section; those that have faults are left out.

    Args:
        section: of the configuration.
        what: the C program has none of.
        config: completed.
        notes: takes a fault if there are tables beside the C program's departures.
        resolved: makes something of a table and its place.
    """
    tables = tables_of(config, section)
    if tables and config.parity:
        notes.fault(section, f"the C program has no {what}; leave parity out, or the tables")
    found = [resolved(key, said) for key, said in tables]
    return tuple(one for one in found if one is not None)
