"""Fields of dataclasses that are pytrees, and what lies at a dotted place in a tree of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

STATIC: Mapping[str, Any] = {"static": True}
"""Metadata of a field that is a shape, a count or a choice: ``field(metadata=STATIC)``.

``jax.tree_util.register_dataclass`` takes all other fields for arrays, or trees of them.
"""


def look_up(tree: Any, place: str) -> Any:
    """The value at a dotted place, such as ``crystals.0.cell.misset_rad``; numbers are places in tuples and arrays."""
    for name in place.split("."):
        tree = tree[int(name)] if name.isdigit() else getattr(tree, name)
    return tree


def put(tree: Any, place: str, value: Any) -> Any:
    """The tree with another value at a dotted place, for instance ``put(experiment, "crystals.0.cells", cells)``."""
    head, _, rest = place.partition(".")
    if rest:
        value = put(look_up(tree, head), rest, value)
    if head.isdigit():
        number = int(head)
        if not isinstance(tree, tuple):
            return tree.at[number].set(value)
        return (*tree[:number], value, *tree[number + 1 :])
    if hasattr(tree, f"with_{head}"):
        return getattr(tree, f"with_{head}")(value)
    return replace(tree, **{head: value})
