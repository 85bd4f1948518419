"""The search for the smallest set of ledger entries, on made-up residuals."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbjax.tracing.attribution.ledger_search import search_ledger

NAMES = ("a", "b", "c", "d", "e", "f")
TOLERANCE = 1e-8


@settings(max_examples=60)
@given(st.sets(st.sampled_from(NAMES)), st.sets(st.sampled_from(NAMES)), st.integers(2, 6))
def test_the_entries_that_differ_are_found(truth: set[str], base: set[str], count: int) -> None:
    names = NAMES[:count]
    truth, base = truth & set(names), base & set(names)
    effects = {name: 0.1 * (i + 1) for i, name in enumerate(NAMES)}

    def residuals(entries: frozenset[str]) -> dict[str, float]:
        wrong = entries ^ truth
        return {"I": sum(effects[name] for name in wrong), **{name: float(name in wrong) for name in names}}

    found = search_ledger(names, frozenset(base), residuals, TOLERANCE)
    assert set(found.chosen) == base ^ truth
    assert found.reproduces
    assert set(found.singles) == set(names)


def test_entries_that_do_nothing_are_not_named() -> None:
    found = search_ledger(("a", "b"), frozenset(), lambda e: {"I": 0.0 if "b" in e else 0.5}, TOLERANCE)
    assert found.chosen == ("b",)


def test_entries_that_only_help_together_are_found() -> None:
    found = search_ledger(("a", "b", "c"), frozenset(), lambda e: {"I": 0.0 if {"a", "c"} <= e else 0.5}, TOLERANCE)
    assert found.chosen == ("a", "c")
    assert found.reproduces


def test_an_entry_that_helps_most_is_named_beside_what_is_left() -> None:
    found = search_ledger(("a", "b"), frozenset(), lambda e: {"I": 1e-3 if "a" in e else 0.15}, TOLERANCE)
    assert found.chosen == ("a",)
    assert not found.reproduces


@pytest.mark.parametrize("gain", [1.0, 1.5])
def test_an_entry_that_hardly_helps_is_not_named(gain: float) -> None:
    found = search_ledger(("a",), frozenset(), lambda e: {"I": 0.1 / gain if "a" in e else 0.1}, TOLERANCE)
    assert found.chosen == ()
    assert not found.reproduces


def test_equal_candidates_need_no_entry() -> None:
    found = search_ledger(NAMES, frozenset({"a"}), lambda e: {"I": 1e-12}, TOLERANCE)
    assert found.chosen == ()
    assert found.reproduces
