"""A still is fitted under the constraints of its crystal system; what these are, the tests of geometry say."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from problems import CRYSTAL, SHARP, config, moved

from nbjax.fit.fitting import fit
from nbjax.geometry.crystal_systems import CRYSTAL_SYSTEMS
from nbjax.parameters import parameters_of
from nbjax.physics.noise import poisson_counts
from nbjax.pipeline.image import simulate
from nbjax.preparation import prepare

CELLS = {
    "triclinic": ((41.0, 47.0, 53.0), (82.0, 97.0, 106.0)),
    "trigonal": ((47.0, 47.0, 47.0), (83.0, 83.0, 83.0)),
    "hexagonal": ((44.0, 44.0, 53.0), (90.0, 90.0, 120.0)),
}


@pytest.mark.parametrize("system", CELLS)
def test_a_still_is_recovered_under_the_constraints_of_its_system(system: str) -> None:
    lengths, angles = CELLS[system]
    truth = prepare(config(angles, cell_A=lengths))
    table = parameters_of(truth, system=system)
    true = np.concatenate([np.asarray(table[moves.path].get(truth)) for moves in CRYSTAL])
    off = moved(truth, 0.1, 0.0, 0.05, 1.1)
    free = table["crystal.cell"]
    signs = (-1.0) ** np.arange(len(free.labels))
    # 0.05 A and 0.05 degrees, within the system
    start = free.set(off, free.get(off) + 0.05 * signs)
    counts = np.asarray(poisson_counts(simulate(truth), jax.random.key(1)))
    result = fit([start], [counts], CRYSTAL, SHARP, convention="mosflm", system=system)
    (shot,), (fitted,) = result.shots, result.experiments
    assert result.converged
    assert shot.warnings == ()
    assert len(shot.values) == 7 + len(free.labels)
    true[-1] = 1 / 1.1
    pulls = (shot.values - true) / shot.sigmas
    assert np.abs(pulls).max() < 5
    assert shot.sigmas[:3].max() < 0.02
    cell = fitted.crystal.cell
    whole = jnp.concatenate([cell.lengths_m * 1e10, jnp.degrees(cell.angles_rad)])
    assert CRYSTAL_SYSTEMS[system].violation(whole) < 1e-10
