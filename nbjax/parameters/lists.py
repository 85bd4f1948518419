"""Parameters of backgrounds, shadows and absorbers, by their numbers in the configuration: ``shadow.0.width_mm``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from nbjax.experiment import Experiment
from nbjax.parameters.parameter import Parameter, leaf
from nbjax.physics.backgrounds.water import Water
from nbjax.physics.screens.absorber import Absorber
from nbjax.physics.screens.shadow import Shadow
from nbjax.quantities import Quantity

LISTS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "background": ("backgrounds", lambda term: not isinstance(term, Water)),
    "shadow": ("screens", lambda screen: isinstance(screen, Shadow)),
    "absorber": ("screens", lambda screen: isinstance(screen, Absorber)),
}
"""Section -> where its tables are in an experiment, and which of what is there they are."""


def of_list(quantity: Quantity, experiment: Experiment) -> list[Parameter]:
    """The parameter of each entry of a list that has such a number."""
    root, belongs = LISTS[quantity.section]
    entries = [(place, entry) for place, entry in enumerate(getattr(experiment, root)) if belongs(entry)]
    return [
        replace(leaf(quantity, f"{root}.{place}.{quantity.place}"), path=f"{quantity.section}.{number}.{quantity.name}")
        for number, (place, entry) in enumerate(entries)
        if quantity.place is not None and _has(entry, quantity)
    ]


def _has(entry: Any, quantity: Quantity) -> bool:
    kinds = ONLY_OF.get(quantity.key)
    there = getattr(entry, str(quantity.place).partition(".")[0], None) is not None
    return there and (kinds is None or getattr(entry, "kind", getattr(entry, "shape", None)) in kinds)


ONLY_OF = {
    "shadow.diameter_mm": ("disc",),
    "shadow.width_mm": ("rectangle", "arm"),
    "shadow.length_mm": ("rectangle",),
    "shadow.angle_deg": ("rectangle", "arm", "edge"),
    "absorber.diameter_mm": ("sphere", "cylinder"),
    "absorber.size_mm": ("box",),
    "absorber.angle_deg": ("cylinder", "box"),
}
"""Which kinds of shadows, or shapes of absorbers, have a quantity that not all have."""
