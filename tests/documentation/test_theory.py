"""Every place that the page of the theory names exists, and every piece of physics is on it."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLACES = sorted(set(re.findall(r"`(nbjax\.[\w.]+)`", (ROOT / "docs" / "theory.md").read_text())))
FRAMES = {"background", "chart", "distances", "radial", "screen", "stage"}
"""Modules of the physics that say what a kind of formula is, and have none."""


def found(place: str) -> object:
    """What a dotted name stands for."""
    module, names = place, list[str]()
    while True:
        try:
            thing: object = importlib.import_module(module)
            break
        except ModuleNotFoundError:
            module, _, name = module.rpartition(".")
            names.insert(0, name)
    for name in names:
        thing = getattr(thing, name)
    return thing


@pytest.mark.parametrize("place", PLACES)
def test_a_place_of_the_theory_exists(place: str) -> None:
    assert found(place) is not None


def test_all_physics_is_on_the_page() -> None:
    package = ROOT / "nbjax" / "physics"
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in package.rglob("*.py")
        if path.stem != "__init__" and path.stem not in FRAMES
    }
    named = {module for module in modules if any(place.startswith(f"{module}.") for place in PLACES)}
    assert named == modules
