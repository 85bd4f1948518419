"""Run-time checks of types and array shapes, for functions.

The fields of pytrees are left alone: JAX rebuilds them around slices, batches and placeholders of other shapes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from beartype import beartype


def functions_only(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with its arguments and result checked at every call."""
    return function if function.__name__ == "__init__" else beartype(function)
