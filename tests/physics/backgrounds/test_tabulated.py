from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nbjax.physics.backgrounds.tabulated import Tabulated

at = jax.jit(lambda table, places: table.at(places))


def table(x: np.ndarray, y: np.ndarray, even: bool = False) -> Tabulated:
    return Tabulated(jnp.asarray(x), jnp.asarray(y), even)


@settings(max_examples=20)
@given(seed=st.integers(0, 2**31), power=st.integers(0, 3))
def test_inside_it_is_exact_for_cubics_next_to_the_ends_for_parabolas_beyond_them_for_lines(
    seed: int, power: int
) -> None:
    random = np.random.default_rng(seed)
    x = np.cumsum(random.uniform(0.1, 1, 9))
    found = np.asarray(at(table(x, x**power), jnp.asarray(np.linspace(x[0] - 1, x[-1] + 1, 400))))
    places = np.linspace(x[0] - 1, x[-1] + 1, 400)
    inside = (places >= x[1]) & (places <= x[-2])
    if power == 2:
        inside = (places >= x[0]) & (places <= x[-1])
    if power < 2:
        inside = np.full(len(places), True)
    np.testing.assert_allclose(found[inside], places[inside] ** power, rtol=1e-9, atol=1e-9)


def test_even_places_are_found_without_a_search() -> None:
    x = np.linspace(0, 2, 41)
    y = np.random.default_rng(1).normal(size=41)
    places = jnp.asarray(np.concatenate([np.random.default_rng(2).uniform(-0.1, 2.1, 500), x]))
    np.testing.assert_allclose(at(table(x, y, True), places), at(table(x, y), places), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(at(table(x, y, True), jnp.asarray(x)), y, atol=1e-12)
