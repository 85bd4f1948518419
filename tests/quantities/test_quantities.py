from __future__ import annotations

import math
from dataclasses import fields, is_dataclass
from typing import get_args, get_type_hints

import pytest

from nbjax.config.tree import Config
from nbjax.quantities import QUANTITIES, UNITS, Interval, Quantity
from nbjax.quantities.beam import BEAM
from nbjax.quantities.crystal import CRYSTAL
from nbjax.quantities.detector import DETECTOR
from nbjax.quantities.panels import PANELS
from nbjax.quantities.sampling import OUTPUT, SAMPLING


def numeric_keys() -> dict[str, int]:
    """Configuration keys that hold numbers -> how many."""
    found = {}
    for section, kind in get_type_hints(Config).items():
        for field in fields(kind) if is_dataclass(kind) else ():
            hint = get_type_hints(kind)[field.name]
            parts = [part for part in (get_args(hint) or (hint,)) if part is not type(None)]
            if parts[0] in (int, float):
                found[f"{section}.{field.name}"] = 1
            elif set(get_args(parts[0])) <= {int, float} and get_args(parts[0]):
                found[f"{section}.{field.name}"] = len(get_args(parts[0]))
    return found


def test_every_number_of_a_configuration_is_a_quantity() -> None:
    keys = numeric_keys()
    assert set(keys) <= set(QUANTITIES)
    sections = {key.partition(".")[0] for key in keys}
    fit_only = {key for key in QUANTITIES if key.partition(".")[0] in sections} - set(keys)
    assert all(QUANTITIES[key].fitted for key in fit_only)
    assert not any(QUANTITIES[key].drawn for key in fit_only)


def test_no_quantity_is_there_twice() -> None:
    keys = [quantity.key for section in (DETECTOR, PANELS, BEAM, CRYSTAL, SAMPLING, OUTPUT) for quantity in section]
    assert len(keys) == len(set(keys))


def test_zero_goes_without_a_word_only_where_it_is_usual_or_switches_off() -> None:
    silent = {key for key, quantity in QUANTITIES.items() if 0.0 in quantity.hard and not quantity.doubt(0.0)}
    off = {"detector.thickness_um", "sampling.resolution_limit_A"}
    assert {key for key in silent if 0.0 not in QUANTITIES[key].usual} <= off


def test_components_are_those_of_the_configuration() -> None:
    for key, count in numeric_keys().items():
        quantity = QUANTITIES[key]
        assert quantity.unit == "vector" or len(quantity.labels) == count, key


def test_units_are_those_of_the_keys() -> None:
    suffixes = {unit.suffix: name for name, unit in UNITS.items() if unit.suffix}
    for key, quantity in QUANTITIES.items():
        fitting = [suffix for suffix in suffixes if key.endswith(suffix)]
        assert quantity.unit == (suffixes[max(fitting, key=len)] if fitting else quantity.unit), key
        assert fitting or quantity.unit in ("1", "cells", "vector", "1/photon", "mrad", "e", "e/A^3", "px"), key


def test_keys_that_are_named_exist() -> None:
    for quantity in QUANTITIES.values():
        assert {*quantity.same, *quantity.replaces} <= set(QUANTITIES)


def test_what_is_usual_is_possible() -> None:
    for quantity in QUANTITIES.values():
        for end in (quantity.usual.low, quantity.usual.high):
            assert end in quantity.hard or math.isinf(end) or quantity.usual.open_low, quantity.key


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("beam.wavelength_A", -1.0, "got -1, must be above zero; give the wavelength in Angstrom"),
        ("beam.wavelength_A", 1.3e-10, "got 1.3e-10, must be 0.001 to 124 A; if it is in m, give 1.3"),
        ("beam.energy_eV", 9.5, "got 9.5, must be 100 to 12400000 eV; if it is in keV, give 9500"),
        ("detector.pixel_mm", 75.0, "got 75, must be 1e-06 to 20 mm; if it is in um, give 0.075"),
        ("detector.distance_mm", 0.0, "got 0, must be above zero; give the distance of sample and detector in mm"),
        ("crystal.mosaic_spread_deg", 200.0, "got 200, must be 0 to 180 degrees; give the half-angle"),
        ("crystal.water_um", -1.0, "got -1, must not be negative; give the edge of the cube of water in um"),
        ("sampling.oversample", 0, "got 0, must be a count of at least 1; give the number of subpixels"),
    ],
)
def test_what_cannot_be_is_an_error_with_its_remedy(key: str, value: float, problem: str) -> None:
    assert (QUANTITIES[key].error(value) or "").startswith(problem)
    assert QUANTITIES[key].doubt(value) is None


@pytest.mark.parametrize(
    ("key", "value", "doubt"),
    [
        ("detector.distance_mm", 0.15, "detector.distance_mm = 0.15: 1 to 100000 mm is usual; if it is in m, give 150"),
        ("crystal.mosaic_spread_deg", 45.0, "crystal.mosaic_spread_deg = 45: 0 to 20 degrees is usual"),
        ("detector.thickness_um", 0.32, "detector.thickness_um = 0.32: 1 to 20000 um is usual; if it is in mm"),
        ("beam.flux_photons_per_s", 0.0, "beam.flux_photons_per_s = 0: no photon falls on the crystal"),
    ],
)  # fmt: skip
def test_what_is_unusual_is_a_doubt(key: str, value: float, doubt: str) -> None:
    assert QUANTITIES[key].error(value) is None
    assert (QUANTITIES[key].doubt(value) or "").startswith(doubt)


@pytest.mark.parametrize("value", [0.0, 320.0])
def test_what_is_usual_is_passed_over(value: float) -> None:
    assert QUANTITIES["detector.thickness_um"].error(value) is None
    assert QUANTITIES["detector.thickness_um"].doubt(value) is None


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (Interval(), "any"),
        (Interval(0.0), "0 or more"),
        (Interval(0.0, open_low=True), "above 0"),
        (Interval(high=5.0), "5 or less"),
        (Interval(0.0, 180.0, True, True), "above 0, below 180"),
        (Interval(0.0, 200.0, open_high=True), "0 or more, below 200"),
        (Interval(-1.0, 1.0), "-1 to 1"),
    ],
)
def test_intervals_in_words(interval: Interval, text: str) -> None:
    assert str(interval) == text


def test_not_a_number_is_in_no_interval() -> None:
    assert math.nan not in Interval()
    assert Quantity("x", "a number").error(math.nan) is not None


def test_what_is_not_fitted_is_not_moved_otherwise() -> None:
    for quantity in QUANTITIES.values():
        assert quantity.fitted or not (quantity.attributed or quantity.same or quantity.place), quantity.key
        assert quantity.fitted or quantity.drawn or quantity.physical is None


def test_what_can_be_fitted_can_be_drawn_if_a_configuration_says_it() -> None:
    keys = numeric_keys()
    directions = {key for key in keys if QUANTITIES[key].unit == "vector"}
    fitted = {key for key in keys if QUANTITIES[key].fitted}
    assert fitted - directions == {key for key in fitted if QUANTITIES[key].drawn}


def test_what_is_fitted_is_attributed_or_moves_as_something_that_is() -> None:
    centres = {key for key in QUANTITIES if key.startswith(("detector.beam_", "detector.org_", "detector.close_x"))}
    centres.add("detector.close_y_mm")
    for quantity in QUANTITIES.values():
        also = {other for other in QUANTITIES.values() if quantity.key in other.same}
        as_another = any(other.attributed for other in also) or any(QUANTITIES[key].attributed for key in quantity.same)
        turns = quantity.unit == "vector" or quantity.key.startswith("beam.source_")
        assert quantity.attributed == quantity.fitted or as_another or turns or quantity.key in centres, quantity.key


@pytest.mark.parametrize(
    ("key", "low", "high"),
    [
        ("beam.wavelength_A", 0.0, math.inf),
        ("beam.polarization", -1.0, 1.0),
        ("crystal.cells", 1.0, math.inf),
        ("crystal.cell_deg", 0.0, 180.0),
        ("crystal.phi_start_deg", -math.inf, math.inf),
        ("scale", 0.0, math.inf),
    ],
)
def test_a_fit_keeps_to_what_physics_allows(key: str, low: float, high: float) -> None:
    assert (QUANTITIES[key].possible.low, QUANTITIES[key].possible.high) == (low, high)
