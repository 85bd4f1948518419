"""The words of an option line as numbers, and a configuration from dotted keys."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any

from nbjax.config.tree import Config


def is_number(word: str) -> bool:
    """Whether a word is a finite number."""
    try:
        return math.isfinite(float(word)) and "_" not in word
    except ValueError:
        return False


def leading_number(word: str) -> float:
    """The number a word begins with, 0 if none, as the C library reads it."""
    found = re.match(r"[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?)", word)
    return float(found[0]) if found else 0.0


def config_of(values: dict[str, Any]) -> Config:
    """The configuration that has the given values at its dotted keys."""
    sections: dict[str, dict[str, Any]] = {}
    top: dict[str, Any] = {}
    for key, value in values.items():
        section, dot, field = key.partition(".")
        if dot:
            sections.setdefault(section, {})[field] = value
        else:
            top[key] = value
    config = Config()
    return replace(
        config, **top, **{name: replace(getattr(config, name), **fields) for name, fields in sections.items()}
    )
