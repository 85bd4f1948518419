"""A mosaic block as a symmetric matrix: the same as its numbers of cells where it is diagonal, and as M otherwise."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nbjax.numerics import components
from nbjax.physics.block import cell_count, narrowed, sheared
from nbjax.physics.shapes import SHAPES, radius_squared

CELLS = arrays(float, 3, elements=st.floats(1.0, 1e4))
RATIOS = arrays(float, 3, elements=st.floats(-0.4, 0.4))
ROWS = np.random.default_rng(1).normal(size=(3, 3))


def matrix(cells: np.ndarray, off: np.ndarray) -> np.ndarray:
    ab, bc, ca = off
    return np.diag(cells) + np.array([[0, ab, ca], [ab, 0, bc], [ca, bc, 0]])


@settings(max_examples=20)
@given(CELLS, RATIOS)
def test_shapes_see_the_matrix(cells: np.ndarray, ratios: np.ndarray) -> None:
    off = ratios * np.sqrt(cells * np.roll(cells, -1))
    whole, held = matrix(cells, off), (jnp.asarray(cells), jnp.asarray(off))
    delta = np.random.default_rng(2).uniform(-0.5, 0.5, (3, 5))
    seen, more = sheared(components(jnp.asarray(delta.T)), *held)
    wanted = ((whole @ delta) ** 2).sum(0)
    np.testing.assert_allclose(radius_squared(seen, components(held[0])), wanted, rtol=1e-9)
    np.testing.assert_allclose(more * cells.prod(), np.linalg.det(whole), rtol=1e-9)
    np.testing.assert_allclose(cell_count(*held), np.linalg.det(whole), rtol=1e-9)
    wanted = np.linalg.solve(whole, ROWS)
    np.testing.assert_allclose(narrowed(jnp.asarray(ROWS), *held), wanted, rtol=1e-9, atol=1e-9 * abs(wanted).max())


def test_a_round_block_is_an_ellipsoid_of_whole_cells() -> None:
    """Of some pi/6 of the cells, as many times as make up for the others."""
    cells, off = np.array([24.0, 20.0, 28.0]), np.array([6.0, -5.0, 8.0])
    whole = matrix(cells, off)
    n = np.stack(np.meshgrid(*[np.arange(-18, 19)] * 3, indexing="ij"), -1).reshape(-1, 3)
    inside = n[np.linalg.norm(np.linalg.solve(whole, n.T), axis=0) <= 0.5]
    assert abs(len(inside) / (np.pi / 6 * np.linalg.det(whole)) - 1) < 0.02
    delta = np.random.default_rng(4).uniform(-0.03, 0.03, (12, 3))
    direct = np.exp(2j * np.pi * delta @ inside.T).sum(1)
    seen, more = sheared(components(jnp.asarray(delta)), jnp.asarray(cells), jnp.asarray(off))
    found = SHAPES["round"].lattice(seen, components(jnp.asarray(cells)), jnp.ones(()), jnp.float64) * more
    wanted = np.sqrt(6 / np.pi) * direct.real
    np.testing.assert_allclose(found, wanted, atol=0.02 * abs(wanted).max())


@settings(max_examples=10)
@given(CELLS)
def test_a_diagonal_matrix_is_its_cells_to_the_bit(cells: np.ndarray) -> None:
    held, rows = (jnp.asarray(cells), jnp.zeros(3)), jnp.asarray(ROWS)
    seen, more = sheared(components(rows), *held)
    np.testing.assert_array_equal(jnp.stack(seen, -1), ROWS)
    assert more == 1
    assert cell_count(*held) == cell_count(held[0], None)
    np.testing.assert_array_equal(narrowed(rows, *held), narrowed(rows, held[0], None))
