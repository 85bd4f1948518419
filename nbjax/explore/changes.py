"""What the page changes of a configuration, as ``--set`` would, and configurations as such changes."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from nbjax.config.load import config_from_dict, override
from nbjax.config.tree import Config
from nbjax.errors import UsageError
from nbjax.quantities import QUANTITIES

Changes = Mapping[str, Any]
"""Key -> text as it was typed, a number or a list; None: the key is left out."""


def changed_config(data: Mapping[str, Any], changes: Changes) -> Config:
    """The configuration of a file with changes; keys that say the same in another way give way.

    Args:
        data: tables of the file, from ``nbjax.config.load.read_data``.
        changes: of single keys.

    Raises:
        ConfigError: everything that is wrong with it, in the words of ``--set``.
        UsageError: a change names a file.
    """
    tree = copy.deepcopy(dict(data))
    for key, value in changes.items():
        name = key.rpartition(".")[2]
        if value is not None and (name == "file" or name.endswith("_file")):
            raise UsageError(f"{key}: names a file, which the page does not change; start nbjax explore with --set")
        for other in (key, *(QUANTITIES[key].replaces if key in QUANTITIES else ())):
            _leave_out(tree, other)
        if value is not None:
            override(tree, [f"{key}={value if isinstance(value, str) else json.dumps(value)}"])
    return config_from_dict(tree)


def changes_between(base: Config, other: Config) -> dict[str, Any]:
    """The changes that make one configuration of another, which have the same tables."""
    found: dict[str, Any] = {}
    _compare(base, other, "", found)
    return found


def _compare(base: Any, other: Any, prefix: str, found: dict[str, Any]) -> None:
    for field in fields(base):
        mine, theirs = getattr(base, field.name), getattr(other, field.name)
        if is_dataclass(mine):
            _compare(mine, theirs, f"{prefix}{field.name}.", found)
        elif mine != theirs:
            found[f"{prefix}{field.name}"] = list(theirs) if isinstance(theirs, tuple) else theirs


def _leave_out(tree: dict[str, Any], key: str) -> None:
    section, _, name = key.rpartition(".")
    table: Any = tree if not section else tree.get(section)
    if isinstance(table, dict):
        table.pop(name, None)
