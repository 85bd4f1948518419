"""Fits to images that the C program made."""

from __future__ import annotations

import numpy as np
import pytest
from cases import golden_config, images
from problems import CRYSTAL, SHARP, moved

from nbjax.fit.fitting import fit
from nbjax.fit.stages import COARSE_TO_FINE
from nbjax.preparation import prepare

ADC_OFFSET = 40.0


def test_a_crystal_is_recovered_from_an_image_of_the_c_program() -> None:
    truth = prepare(golden_config("triclinic_misset"))
    start = moved(truth, 0.5, 0.005, 1 / 3, 2.0)
    data = images("triclinic_misset")["c"].astype(float)
    result = fit([start], [data], CRYSTAL, COARSE_TO_FINE, convention="mosflm", system="triclinic", background="none")
    (shot,), (fitted,) = result.shots, result.experiments
    assert result.converged
    (note,) = shot.warnings
    assert note.startswith("residuals are smaller than noise: the data are expected photons")
    cell, true = fitted.crystal.cell, truth.crystal.cell
    turn = np.asarray(cell.misset @ true.misset.T)
    assert np.degrees(np.abs(turn - np.eye(3))).max() < 0.002
    assert np.abs(cell.lengths_m - true.lengths_m).sum() < 0.02e-10
    assert np.degrees(np.abs(cell.angles_rad - true.angles_rad)).max() < 0.02
    assert np.abs(fitted.crystal.cells - 5.0).max() < 0.2
    assert shot.values[-1] == pytest.approx(0.5, rel=0.005)
    # expected photons, to the rounding of 32-bit floats
    assert shot.loss < 1e-6 * data.sum()


def test_counts_of_the_c_program_lie_within_their_own_standard_deviations() -> None:
    truth = prepare(golden_config("noise_poisson"))
    counts = images("noise_poisson")["c_noise"] - ADC_OFFSET
    result = fit(
        [moved(truth, 0.01, 1e-4, 0.02, 1.1)], [counts], CRYSTAL, SHARP, convention="mosflm", system="orthorhombic"
    )
    (shot,) = result.shots
    assert result.converged
    cell = truth.crystal.cell
    true = [*np.degrees(cell.misset_rad), *(np.asarray(cell.lengths_m) * 1e10), *truth.crystal.cells, 1 / 1.1]
    assert np.abs((shot.values - true) / shot.sigmas).max() < 4
    # 727 photons know the scale to a few percent
    assert 1 / np.sqrt(counts.sum()) < shot.sigmas[-1] / shot.values[-1] < 0.1
