"""Tables of configurations by their places, and configurations with some of their values replaced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass, replace
from functools import cache
from typing import Any, get_args, get_type_hints

from nbjax.config.tree import Config


@cache
def section_types() -> Mapping[str, Any]:
    """The dataclass of each section, and of the tables of each list of them."""
    found = {}
    for name, kind in get_type_hints(Config).items():
        inner = kind
        while get_args(inner):
            inner = get_args(inner)[0]
        if is_dataclass(inner):
            found[name] = inner
    return found


@cache
def lists() -> frozenset[str]:
    """Sections of which there are lists of tables."""
    return frozenset(
        name for name, kind in get_type_hints(Config).items() if is_dataclass((get_args(kind) or (None,))[0])
    )


def tables_of(config: Config, section: str) -> list[tuple[str, Any]]:
    """Place and table of a section; of a list of tables every one, numbered, as ``background.0``."""
    found = getattr(config, section, None)
    if isinstance(found, tuple):
        return [(f"{section}.{number}", table) for number, table in enumerate(found)]
    return [(section, found)] if is_dataclass(found) else []


def with_values(config: Config, values: Mapping[str, Any]) -> Config:
    """The configuration with the given values at their dotted keys."""
    changed: Any = config
    for key, value in values.items():
        changed = _with_value(changed, key.split("."), value)
    return changed


def _with_value(tree: Any, path: list[str], value: Any) -> Any:
    name, *rest = path
    if isinstance(tree, tuple):
        number = int(name)
        return (*tree[:number], _with_value(tree[number], rest, value) if rest else value, *tree[number + 1 :])
    return replace(tree, **{name: _with_value(getattr(tree, name), rest, value) if rest else value})
