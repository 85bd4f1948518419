"""Fields of dataclasses that are pytrees, and what lies at a dotted place in a tree of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from nbjax.errors import ArgumentError

STATIC: Mapping[str, Any] = {"static": True}
"""Metadata of a field that is a shape, a count or a choice: ``field(metadata=STATIC)``.

``jax.tree_util.register_dataclass`` takes all other fields for arrays, or trees of them.
"""


def look_up(tree: Any, place: str) -> Any:
    """The value at a dotted place, such as ``crystals.0.cell.misset_rad``; numbers are places in tuples and arrays."""
    for name in place.split("."):
        tree = tree[_number(tree, name)] if name.isdigit() else getattr(_with(tree, name), name)
    return tree


def put(tree: Any, place: str, value: Any) -> Any:
    """The tree with another value at a dotted place, for instance ``put(experiment, "crystals.0.cells", cells)``.

    Raises:
        ArgumentError: there is no such place.
    """
    # parameters of fits are written with brackets
    head, _, rest = place.replace("[", ".").replace("]", "").partition(".")
    if rest:
        value = put(look_up(tree, head), rest, value)
    if head.isdigit():
        number = _number(tree, head)
        if not isinstance(tree, tuple):
            return tree.at[number].set(value)
        return (*tree[:number], value, *tree[number + 1 :])
    if hasattr(tree, f"with_{head}"):
        return getattr(tree, f"with_{head}")(value)
    return replace(_with(tree, head), **{head: value})


def _number(tree: Any, digits: str) -> int:
    if int(digits) >= len(tree):
        raise ArgumentError(f"got place {digits} of {len(tree)}; the first is 0")
    return int(digits)


def _with(tree: Any, name: str) -> Any:
    """The tree, if it has such a field."""
    if not name or not hasattr(tree, name):
        known = [field.name for field in fields(tree)] if is_dataclass(tree) else ["numbers from 0"]
        raise ArgumentError(f"got {name!r}, {type(tree).__name__} has {', '.join(known)}; join places by points")
    return tree
