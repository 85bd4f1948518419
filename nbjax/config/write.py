"""Configurations as TOML text that reads back to the same configuration."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import tomli_w

from nbjax.config.tree import Config


def config_toml(config: Config) -> str:
    """TOML of everything that differs from the defaults; floats read back bit by bit."""
    found = _changed(config, Config())
    if config.crystals:
        # which is the first of them
        found.pop("crystal", None)
    return tomli_w.dumps(found)


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
