from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from nbjax.geometry.crystal_systems import CRYSTAL_SYSTEMS

CELLS = {
    "triclinic": (62.0, 71.0, 83.0, 82.0, 97.0, 106.0),
    "monoclinic": (62.0, 71.0, 83.0, 90.0, 101.0, 90.0),
    "orthorhombic": (62.0, 71.0, 83.0, 90.0, 90.0, 90.0),
    "tetragonal": (68.0, 68.0, 83.0, 90.0, 90.0, 90.0),
    "trigonal": (71.0, 71.0, 71.0, 83.0, 83.0, 83.0),
    "hexagonal": (68.0, 68.0, 83.0, 90.0, 90.0, 120.0),
    "cubic": (71.0, 71.0, 71.0, 90.0, 90.0, 90.0),
}
FREE = {"triclinic": 6, "monoclinic": 4, "orthorhombic": 3, "tetragonal": 2, "trigonal": 2, "hexagonal": 2, "cubic": 1}


@pytest.mark.parametrize("name", CRYSTAL_SYSTEMS)
def test_a_cell_of_the_system_is_kept_and_another_is_not(name: str) -> None:
    system, cell = CRYSTAL_SYSTEMS[name], jnp.asarray(CELLS[name])
    assert len(system.labels) == FREE[name]
    assert np.array_equal(system.cell(system.free(cell)), cell)
    assert system.violation(cell) == 0
    for other, numbers in CELLS.items():
        keeps = system.violation(jnp.asarray(numbers)) == 0
        assert keeps == (
            FREE[name] >= FREE[other] and np.array_equal(system.cell(system.free(jnp.asarray(numbers))), numbers)
        )


def test_free_numbers_move_together() -> None:
    moved = CRYSTAL_SYSTEMS["trigonal"].cell(jnp.asarray([70.0, 85.0]))
    assert np.array_equal(moved, [70.0, 70.0, 70.0, 85.0, 85.0, 85.0])
    moved = CRYSTAL_SYSTEMS["hexagonal"].cell(jnp.asarray([70.0, 85.0]))
    assert np.array_equal(moved, [70.0, 70.0, 85.0, 90.0, 90.0, 120.0])
