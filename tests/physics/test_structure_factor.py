"""Lookup and interpolation in the table."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbjax.physics.structure_factor import StructureFactors, leaves_box, nearest, tricubic

H, K, L = np.meshgrid(np.arange(-4, 5), np.arange(-3, 6), np.arange(2, 9), indexing="ij")


def _table(values: np.ndarray) -> StructureFactors:
    return StructureFactors(jnp.array(values, float), jnp.float64(7.5), (-4, -3, 2))


def _fields(*values: float) -> tuple:
    return tuple(jnp.array([float(v)]) for v in values)


def test_every_entry_is_found_and_the_default_outside() -> None:
    values = np.random.default_rng(1).uniform(1, 9, H.shape)
    found = nearest(_table(values), tuple(jnp.array(i.ravel(), float) for i in (H, K, L)))
    np.testing.assert_array_equal(found, values.ravel())
    for outside in ((5, 0, 4), (-5, 0, 4), (0, 6, 4), (0, -4, 4), (0, 0, 9), (0, 0, 1)):
        assert float(nearest(_table(values), _fields(*outside))[0]) == 7.5


def test_without_a_table_all_are_the_default() -> None:
    factors = StructureFactors(None, jnp.float64(3.0), (0, 0, 0))
    np.testing.assert_array_equal(nearest(factors, _fields(4, -2, 9)), [3.0])


@settings(max_examples=30)
@given(st.floats(-2.9, 1.9), st.floats(-1.9, 2.9), st.floats(3.1, 5.9))
def test_cubics_are_interpolated_exactly(h: float, k: float, l: float) -> None:  # noqa: E741
    def cubic(h, k, l):  # noqa: E741
        return 100 + h**3 - 2 * h * k**2 + 0.5 * l**3 * h - k * l + 3 * k**3

    found = float(tricubic(_table(cubic(H, K, L)), _fields(h, k, l))[0])
    np.testing.assert_allclose(found, cubic(h, k, l), rtol=1e-10, atol=1e-9)


def test_a_neighbourhood_leaves_the_box_at_its_own_edges() -> None:
    table = _table(np.ones(H.shape))
    inside = (-3.0, -2.0, 3.0), (2.99, 3.99, 6.99)
    outside = (-3.01, 0, 4), (3.0, 0, 4), (0, -2.01, 4), (0, 4.0, 4), (0, 0, 2.99), (0, 0, 7.0)
    assert not any(bool(leaves_box(table, _fields(*hkl))[0]) for hkl in inside)
    assert all(bool(leaves_box(table, _fields(*hkl))[0]) for hkl in outside)


def test_amplitudes_are_the_nearest_entry_or_interpolated_and_the_default_where_entries_lack() -> None:
    table = _table(np.random.default_rng(2).uniform(1, 9, H.shape))
    inside, index = _fields(0.3, 1.2, 5.4), _fields(0, 1, 5)
    assert table.at(inside, index) == nearest(table, index)
    between = replace(table, interpolate=True)
    assert between.at(inside, index) == tricubic(table, inside) != nearest(table, index)
    assert float(between.at(_fields(3.2, 1.2, 5.4), _fields(3, 1, 5))[0]) == 7.5


_seen = jax.jit(lambda factors, wavelength, hkl, index: factors.seen_at(wavelength).at(hkl, index)[0])


@pytest.mark.parametrize("interpolate", [False, True])
def test_between_channels_f_is_linear_and_its_absolute_value_the_amplitude(interpolate: bool) -> None:
    waves = np.array([1.0, 1.1, 1.3])
    F = np.random.default_rng(3).normal(size=(3, 2, *H.shape))
    factors = StructureFactors(jnp.array(F), jnp.float64(7.5), (-4, -3, 2), interpolate, jnp.array(waves))
    hkl, index = _fields(0.3, 1.2, 5.4), _fields(0, 1, 5)
    for wavelength in (0.9, 1.0, 1.04, 1.1, 1.22, 1.3, 1.4):
        # beyond the ends as at the ends
        place = np.interp(wavelength, waves, range(3))
        before = min(int(place), 1)
        parts = (1 - place + before) * F[before] + (place - before) * F[before + 1]
        table = replace(_table(np.hypot(*parts)), interpolate=interpolate)
        wanted = _seen(table, 1.0, hkl, index)
        assert float(_seen(factors, wavelength, hkl, index)) == pytest.approx(float(wanted), rel=1e-12), wavelength


def test_an_amplitude_of_zero_has_a_gradient_in_every_channel() -> None:
    factors = StructureFactors(jnp.zeros((2, 2, *H.shape)), jnp.float64(7.5), (-4, -3, 2), False, jnp.array([1.0, 1.1]))
    slope = jax.grad(lambda wave: factors.seen_at(wave).at(_fields(0, 1, 5), _fields(0, 1, 5))[0])(jnp.float64(1.04))
    assert slope == 0
