"""The words of an option line as numbers, and a configuration from dotted keys."""

from __future__ import annotations

import math
import re


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
