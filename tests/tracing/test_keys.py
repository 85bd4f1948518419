from __future__ import annotations

from collections import Counter

import pytest

from nbjax.tracing.golden_form import COLUMNS, NOT_PRINTED
from nbjax.tracing.keys import AFTER_SAMPLES, BEFORE_SAMPLES, COMPONENTS, INDICES, PIXEL, SAMPLE, SAMPLE_KEYS, Key

ALL = [*BEFORE_SAMPLES, *SAMPLE_KEYS, *AFTER_SAMPLES]


def test_names_are_unique() -> None:
    assert len(PIXEL) == len(BEFORE_SAMPLES) + len(AFTER_SAMPLES)
    assert len(SAMPLE) == len(SAMPLE_KEYS)


def test_a_name_in_both_tables_has_one_unit() -> None:
    assert all(PIXEL[name].unit == SAMPLE[name].unit for name in PIXEL.keys() & SAMPLE.keys())


@pytest.mark.parametrize("table", [PIXEL, SAMPLE])
def test_a_spelling_stands_for_one_key(table: dict[str, Key]) -> None:
    spellings = Counter(name for key in table.values() for name in (key.name, *key.aliases))
    assert max(spellings.values()) == 1


def test_columns_of_a_pixel_key_have_its_size_and_unit() -> None:
    for key in PIXEL.values():
        assert len(key.columns) in (0, key.size)
        assert {SAMPLE[name].unit for name in key.columns} <= {key.unit}


def test_components_are_of_vectors_with_columns() -> None:
    assert all(component < len(PIXEL[name].columns) for name, component in COMPONENTS.values())


def test_the_golden_form_prints_known_keys() -> None:
    assert set(COLUMNS) <= set(SAMPLE)
    assert set(NOT_PRINTED) <= set(PIXEL)
    assert COLUMNS[: len(INDICES)] == INDICES


def test_every_key_tells_its_unit_and_meaning() -> None:
    assert all(key.unit and key.meaning for key in ALL)


def test_what_is_whole_has_no_tolerance_of_its_own() -> None:
    assert all(key.absolute == key.of_largest == 0 for key in ALL if key.whole)


@pytest.mark.parametrize(
    "order",
    [
        ("pix0_vector_m", "beam_vector", "a0_m", "last_pixel_pos_m", "airpath_m", "omega_pixel_sr", "capture_fraction"),
        ("capture_fraction", "last_incident", "wavelength_m", "last_scattering_per_m", "polarization", "last_hkl"),
        ("last_hkl", "last_hkl0", "last_F_latt_axes", "last_F_latt", "last_F_cell", "I_before_scaling", "r_e_sqr_m2"),
        ("I_background", "I_before_scaling", "r_e_sqr_m2", "fluence_photons_per_m2", "steps", "I_pixel_photons"),
    ],
)
def test_pixel_keys_stand_in_the_order_of_computation(order: tuple[str, ...]) -> None:
    places = [list(PIXEL).index(name) for name in order]
    assert places == sorted(places)


def test_sample_columns_stand_in_the_order_of_computation() -> None:
    order = (
        "thick",
        "mosaic",
        "pos_x_m",
        "airpath_m",
        "omega_sr",
        "q_x_per_m",
        "h",
        "h0",
        "F_latt",
        "F_cell",
        "I_running",
    )
    places = [list(SAMPLE).index(name) for name in order]
    assert places == sorted(places)
