"""Run-time checks of types and array shapes, for functions.

The fields of pytrees are left alone: JAX rebuilds them around slices, batches and placeholders of other shapes.
"""

from __future__ import annotations

import inspect
from functools import partial
from typing import Any, get_args, get_type_hints

import jaxtyping
from beartype import beartype
from jaxtyping._import_hook import ImportHookManager

_full = jaxtyping.jaxtyped


def install() -> ImportHookManager:
    """Let functions of the package be checked as they are defined, each at what its annotations cost."""
    # the library's own looks for names of sizes at every call, whether there are any or not
    jaxtyping.jaxtyped = lambda *, typechecker: partial(checked, typechecker=typechecker)
    return jaxtyping.install_import_hook("nbjax", "beartype.beartype")


def checked(definition: Any, *, typechecker: Any) -> Any:
    """A class and its ``__init__`` as they are; a function with its arguments and result checked at every call.

    Names of sizes agree among the arguments and the result; where there are none, types alone are looked at.
    """
    if inspect.isclass(definition) or getattr(definition, "__name__", "") == "__init__":
        return definition
    hints = _without_names(definition)
    if hints is None:
        return _full(definition, typechecker=typechecker)
    definition.__annotations__ = hints
    return beartype(definition)


def _without_names(definition: Any) -> dict[str, Any] | None:
    """The evaluated annotations; none where they can't be evaluated, or where a size has a name."""
    if not inspect.isfunction(definition) or inspect.isgeneratorfunction(definition):
        return None
    try:
        hints = get_type_hints(definition, include_extras=True)
    except (NameError, AttributeError, TypeError, ValueError):
        # what is imported for the annotations alone, or defined within a function
        return None
    return None if any(_names_a_size(hint) for hint in hints.values()) else hints


def _names_a_size(hint: Any) -> bool:
    if isinstance(hint, str):
        return True
    if inspect.isclass(hint) and issubclass(hint, jaxtyping.AbstractArray):
        return not all(word.isdecimal() or word == "..." for word in hint.dim_str.split())
    if getattr(hint, "__module__", "").startswith("jaxtyping"):
        return True
    if hasattr(hint, "__value__"):
        return _names_a_size(hint.__value__)
    inner = hint if isinstance(hint, (list, tuple)) else get_args(hint)
    return any(_names_a_size(each) for each in inner)
