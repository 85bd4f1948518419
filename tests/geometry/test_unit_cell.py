"""Cells keep the lengths and angles they are given."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nbjax.geometry.unit_cell import UnitCell, cell_of, direct_vectors_m, invert_basis, setting_of, standard_direct
from nbjax.rotations import about_xyz

LENGTH, ANGLE = st.floats(10.0, 300.0), st.floats(40.0, 130.0)


@settings(max_examples=30)
@given(st.tuples(LENGTH, LENGTH, LENGTH), st.tuples(ANGLE, ANGLE, ANGLE))
def test_lengths_and_angles_come_back(lengths: tuple, angles: tuple) -> None:
    assume(sum(angles) < 350 and 2 * max(angles) < sum(angles) - 5)
    direct = np.asarray(standard_direct(jnp.array(lengths), jnp.radians(jnp.array(angles))))
    found_lengths, found_angles = cell_of(direct)
    np.testing.assert_allclose(found_lengths, lengths, rtol=1e-12)
    np.testing.assert_allclose(np.degrees(found_angles), angles, rtol=1e-9)
    reciprocal = np.linalg.inv(direct).T
    np.testing.assert_allclose(reciprocal[0, 1:], 0, atol=1e-12 * np.abs(reciprocal).max())
    assert abs(reciprocal[1, 2]) <= 1e-12 * np.abs(reciprocal).max()


def test_misset_turns_about_x_then_y_then_z() -> None:
    cell = UnitCell(
        jnp.array([3e-9, 4e-9, 5e-9]), jnp.radians(jnp.array([90.0, 90, 90])), jnp.eye(3), jnp.array([0.3, -0.2, 0.7])
    )
    direct = np.asarray(direct_vectors_m(cell))
    wanted = np.diag([3e-9, 4e-9, 5e-9]) @ np.asarray(about_xyz(cell.misset_rad)).T
    np.testing.assert_allclose(direct, wanted, atol=1e-22)
    quarter = np.asarray(about_xyz(jnp.array([np.pi / 2, 0.0, np.pi / 2])))
    np.testing.assert_allclose(quarter @ [0, 1, 0], [0, 0, 1], atol=1e-15)


@settings(max_examples=20)
@given(st.tuples(*3 * [st.floats(-3.0, 3.0)]), st.tuples(*3 * [st.floats(75.0, 115.0)]))
def test_a_setting_is_the_standard_one_turned(misset: tuple, angles: tuple) -> None:
    turn = np.asarray(about_xyz(jnp.array(misset)))
    direct = np.asarray(standard_direct(jnp.array([30.0, 50.0, 70.0]), jnp.radians(jnp.array(angles)))) @ turn.T
    *_, found = setting_of(direct, "here")
    np.testing.assert_allclose(found, turn, atol=1e-13)


def test_the_dual_basis_is_the_transposed_inverse() -> None:
    rows = np.random.default_rng(4).uniform(-1.0, 1.0, (3, 3)) + 2 * np.eye(3)
    found = np.asarray(invert_basis(jnp.asarray(rows)))
    np.testing.assert_allclose(found, np.linalg.inv(rows).T, rtol=1e-13)
