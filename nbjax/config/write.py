"""Configurations as TOML text that reads back to the same configuration."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from typing import Any

import tomli_w

from nbjax.config.tree import Config

_LIST = re.compile(r"(?<= = )\[\n((?:    .*,\n)+)\]$", re.MULTILINE)
_MOST_CHARACTERS = 100
"""Of a list that is written on one line."""


def config_toml(config: Config) -> str:
    """TOML of everything that differs from the defaults; floats read back bit by bit."""
    found = _changed(config, Config())
    if config.crystals:
        # which is the first of them
        found.pop("crystal", None)
    return _LIST.sub(_on_one_line, tomli_w.dumps(found))


def _on_one_line(found: re.Match[str]) -> str:
    items = [item.strip()[:-1] for item in found[1][:-1].split("\n")]
    line = f"[{', '.join(items)}]"
    return line if len(line) <= _MOST_CHARACTERS else found[0]


def _changed(value: Any, default: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    tables: dict[str, Any] = {}
    for field in fields(value):
        mine, theirs = getattr(value, field.name), getattr(default, field.name)
        if is_dataclass(mine):
            inside = _changed(mine, theirs)
            if inside:
                tables[field.name] = inside
        elif isinstance(mine, tuple) and mine and is_dataclass(mine[0]):
            tables[field.name] = [_changed(table, type(table)()) for table in mine]
        elif mine != theirs:
            found[field.name] = list(mine) if isinstance(mine, tuple) else mine
    return found | tables
