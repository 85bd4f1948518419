"""What materials scatter: limits that must hold, and numbers that were measured."""

from __future__ import annotations

import numpy as np
import pytest

from nbjax.materials import MATERIALS
from nbjax.materials.material import GRID_PER_A


@pytest.mark.parametrize("name", MATERIALS)
def test_every_material_is_positive_and_ends_as_free_atoms(name: str) -> None:
    material = MATERIALS[name]()
    assert material.electrons_squared.shape == GRID_PER_A.shape
    assert (material.electrons_squared > 0).all()
    assert material.source
    heaviest = max(material.formula, key=lambda symbol: material.formula[symbol])
    assert heaviest in "CHNOAr"


def test_water_has_its_ring_and_the_forward_scattering_of_its_compressibility() -> None:
    water = MATERIALS["water"]()
    assert water.weight_g_per_mol == pytest.approx(18.015, abs=1e-3)
    ring = 4 * np.pi * GRID_PER_A[water.electrons_squared.argmax()]
    assert ring == pytest.approx(2.02, abs=0.02)
    # density times kT times compressibility, times ten electrons squared
    forward = 3.3368e28 * 1.380649e-23 * 298.15 * 4.525e-10 * 100
    assert water.electrons_squared[0] == pytest.approx(forward, rel=0.02)


def test_air_scatters_forward_as_its_molecules_do() -> None:
    air = MATERIALS["air"]()
    assert air.weight_g_per_mol == pytest.approx(28.96, abs=0.01)
    assert air.electrons_squared[0] == pytest.approx(0.7808 * 14**2 + 0.2095 * 16**2 + 0.0097 * 18**2, rel=2e-3)
