"""Configurations with some of their values replaced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nbjax.config.tree import Config


def with_values(config: Config, values: Mapping[str, Any]) -> Config:
    """The configuration with the given values at their dotted keys."""
    sections: dict[str, dict[str, Any]] = {}
    top: dict[str, Any] = {}
    for key, value in values.items():
        section, dot, field = key.partition(".")
        if dot:
            sections.setdefault(section, {})[field] = value
        else:
            top[key] = value
    return replace(
        config, **top, **{name: replace(getattr(config, name), **fields) for name, fields in sections.items()}
    )
