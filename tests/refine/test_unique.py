"""Unique reflections: every index has its row, mates have one or two."""

from __future__ import annotations

import gemmi
import numpy as np
import pytest

from nbjax.io.symmetry import symmetry_of, symmetry_of_hall
from nbjax.refine.unique import NONE, unique_reflections

CELL = np.array([20.0, 24.0, 30.0, 90.0, 90.0, 90.0])


@pytest.mark.parametrize("apart", [False, True])
def test_equivalent_indices_are_one_reflection(apart: bool) -> None:
    unique = unique_reflections(symmetry_of(gemmi.SpaceGroup("P 21 21 21")), CELL, 3.0, apart)
    rows = unique.of(np.array([[1, 2, 3], [-1, -2, 3], [1, -2, -3]]))
    assert len(set(rows.tolist())) == 1
    mate = unique.of(np.array([[-1, -2, -3], [1, 2, -3]]))
    assert len(set(mate.tolist())) == 1
    assert (mate[0] == rows[0]) != apart
    # a reflection of a zone is its own mate; odd ones along a screw axis are absent, others are beyond
    assert len(set(unique.of(np.array([[0, 2, 3], [0, -2, -3]])).tolist())) == 1
    assert unique.of(np.array([[3, 0, 0], [40, 0, 0]])).tolist() == [NONE, NONE]
    assert unique.minus.sum() == (apart * ~unique.centric[: (~unique.minus).sum()]).sum()
    values = np.arange(1.0, len(unique) + 1)
    h, k, l = unique.limits  # noqa: E741
    assert unique.table(values, 0.0)[h - 1, k - 2, l + 3] == values[rows[0]]


def test_means_of_axes_are_told() -> None:
    unique = unique_reflections(symmetry_of_hall("P 2 2"), CELL, 3.0, False)
    assert unique.epsilon[unique.of(np.array([[0, 0, 4], [1, 2, 3]]))].tolist() == [2.0, 1.0]
    assert unique.shells > 1
    assert unique.spacing_A[unique.shell == 0].min() > unique.spacing_A[unique.shell == 1].max()


def test_a_symbol_without_a_name_is_p1() -> None:
    assert symmetry_of_hall("").name == "P 1"
    assert symmetry_of_hall("P 4nw 2abw").name == "P 43 21 2"
