"""What the page changes of a configuration, as ``--set`` would, and configurations as such changes."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from nbjax.config.load import config_from_dict, override, share_crystal
from nbjax.config.tree import Config, Crystal
from nbjax.errors import UsageError
from nbjax.quantities import QUANTITIES

Changes = Mapping[str, Any]
"""Key -> text as it was typed, a number or a list; None: the key is left out."""

_NUMBERED = re.compile(r"^crystals\.(\d+)\.")


def key_in_crystal(key: str) -> str:
    """The key of ``[crystal]`` that one of several crystals' is; any other as it is."""
    return _NUMBERED.sub("crystal.", key)


def key_of_crystal(number: int | None, key: str) -> str:
    """Where a key of ``[crystal]`` stands for one of ``[[crystals]]``; None: there is no such list."""
    return key if number is None else f"crystals.{number}.{key.removeprefix('crystal.')}"


def fitted_path(key: str, crystals: int) -> str:
    """The parameter of a fit that a key is.

    Args:
        key: of the configuration.
        crystals: how many it has.
    """
    return _NUMBERED.sub(r"crystals[\1]." if crystals > 1 else "crystal.", key)


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
    share_crystal(tree)
    if tree.get("crystals"):
        # what one of them leaves out must not come back from what all had in common
        tree.pop("crystal", None)
    for key, value in changes.items():
        name = key.rpartition(".")[2]
        if value is not None and (name == "file" or name.endswith("_file")):
            raise UsageError(f"{key}: names a file, which the page does not change; start nbjax explore with --set")
        for other in (key, *_replaced(key)):
            _leave_out(tree, other)
        if value is not None:
            override(tree, [f"{key}={value if isinstance(value, str) else json.dumps(value)}"])
    return config_from_dict(tree)


def changes_between(base: Config, other: Config) -> dict[str, Any]:
    """The changes that make one configuration of another, which have the same tables."""
    found: dict[str, Any] = {}
    if base.crystals:
        base, other = (replace(config, crystal=Crystal()) for config in (base, other))
    _compare(base, other, "", found)
    return found


def _replaced(key: str) -> list[str]:
    """Keys that say the same as one in another way."""
    quantity, numbered = QUANTITIES.get(key_in_crystal(key)), _NUMBERED.match(key)
    number = None if numbered is None else int(numbered[1])
    return [] if quantity is None else [key_of_crystal(number, other) for other in quantity.replaces]


def _compare(base: Any, other: Any, prefix: str, found: dict[str, Any]) -> None:
    for field in fields(base):
        mine, theirs = getattr(base, field.name), getattr(other, field.name)
        if is_dataclass(mine):
            _compare(mine, theirs, f"{prefix}{field.name}.", found)
        elif isinstance(mine, tuple) and mine and is_dataclass(mine[0]):
            for number, tables in enumerate(zip(mine, theirs, strict=True)):
                _compare(*tables, f"{prefix}{field.name}.{number}.", found)
        elif mine != theirs:
            found[f"{prefix}{field.name}"] = list(theirs) if isinstance(theirs, tuple) else theirs


def _leave_out(tree: dict[str, Any], key: str) -> None:
    *sections, name = key.split(".")
    table: Any = tree
    for part in sections:
        if isinstance(table, list):
            table = table[int(part)] if part.isdecimal() and int(part) < len(table) else None
        else:
            table = table.get(part) if isinstance(table, dict) else None
    if isinstance(table, dict):
        table.pop(name, None)
