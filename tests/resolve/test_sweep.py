"""Every number of a configuration with values that it may not have: an error that names it, or a finite answer."""

from __future__ import annotations

import math
from typing import Any

import pytest
from cases import small_config

from nbjax.config.edit import with_values
from nbjax.config.tree import Config
from nbjax.errors import ConfigError
from nbjax.quantities import QUANTITIES, Quantity
from nbjax.resolve import resolve

KEYS = {
    key: quantity
    for key, quantity in QUANTITIES.items()
    if hasattr(getattr(Config(), quantity.section, None), quantity.name)
}
WHOLE = ("steps", "pixels", "domains", "layers", "oversample", "seed", "roi")


def configured(quantity: Quantity, value: object) -> Config:
    count = 3 if quantity.unit == "vector" else len(quantity.labels)
    given: Any = value if count == 1 or not isinstance(value, float | int) else (value,) * count
    base = with_values(small_config(), {"detector.pixels_fast": 6, "detector.pixels_slow": 5, quantity.key: given})
    return with_values(base, dict.fromkeys(key for key in quantity.replaces if key != quantity.key))


def outcome(config: Config, key: str) -> str:
    try:
        resolved = resolve(config)
    except ConfigError as error:
        named = key in {fault.key for fault in error.faults} and "None" not in str(error)
        return "refused" if named else str(error)
    for name, value, _ in resolved.rows():
        numbers = value if isinstance(value, tuple) else (value,)
        assert all(math.isfinite(x) for x in numbers if isinstance(x, float)), name
    return "pointed out" if any(key in sentence for sentence in resolved.warnings) else "taken"


@pytest.mark.parametrize("key", KEYS)
def test_what_is_no_number_is_refused(key: str) -> None:
    for value in ("1", math.nan, math.inf, [1.0], [1.0] * 7, True):
        assert outcome(configured(KEYS[key], value), key) == "refused", value


@pytest.mark.parametrize("key", KEYS)
def test_numbers_are_taken_pointed_out_or_refused(key: str) -> None:
    quantity = KEYS[key]
    whole = any(word in quantity.name for word in WHOLE) and quantity.unit != "mrad"
    huge = outcome(configured(quantity, 10**30 if whole else 1e30), key)
    assert huge == "refused" or quantity.unit == "vector" or (key, huge) in HUGE
    for value in (0, -1):
        found = outcome(configured(quantity, value if whole else float(value)), key)
        if value not in quantity.hard:
            assert found == "refused", value


HUGE = {
    ("beam.fluence_photons_per_m2", "taken"),
    ("beam.flux_photons_per_s", "pointed out"),
    ("output.integer_scale", "taken"),
    ("output.pgm_scale", "taken"),
}
"""Numbers that may be so large."""
