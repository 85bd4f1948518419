"""What the tests' own check of types and shapes notices, whichever way a function is checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import typechecker
from jaxtyping import Float

Row = Float[np.ndarray, " n"]


def fixed(x: Float[np.ndarray, "3"], count: int = 1) -> Float[np.ndarray, "..."]:
    return x if count else x.sum()  # type: ignore[no-any-return]


def named(x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    return x if y.sum() else x[1:]


def aliased(x: Row, y: list[Row] | None) -> None:
    """By a name, and within another annotation."""


def unknown(x: int, y: Missing) -> None:  # type: ignore[name-defined]
    """As what is imported for annotations alone."""


@pytest.mark.parametrize(
    ("function", "good", "bad"),
    [
        (fixed, [(np.zeros(3),)], [(np.zeros(4),), (np.zeros(3, int),), (np.zeros(3), 1.5), (np.zeros(3), 0)]),
        (named, [(np.zeros(2), np.ones(2))], [(np.zeros(2), np.ones(3)), (np.zeros(2), np.zeros(2))]),
        (aliased, [(np.zeros(2), None), (np.zeros(2), [np.ones(2)])], [(np.zeros(2), [np.ones(3)])]),
        (unknown, [(1, None)], [("1", None)]),
    ],
)
def test_what_does_not_fit_is_noticed(
    function: Callable[..., Any], good: list[tuple[Any, ...]], bad: list[tuple[Any, ...]]
) -> None:
    checked = typechecker.checked(function, typechecker=typechecker.beartype)
    for arguments in good:
        checked(*arguments)
    for arguments in bad:
        with pytest.raises(Exception, match=r"violates|checking"):
            checked(*arguments)


def test_sizes_without_names_are_checked_by_types_alone() -> None:
    light = typechecker.checked(fixed, typechecker=None)
    assert "bound" not in light.__code__.co_varnames
    assert typechecker.checked(Exception, typechecker=None) is Exception
