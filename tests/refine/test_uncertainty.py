"""Standard deviations tell how far numbers are off where spots differ by more than the noise that weighs them."""

from __future__ import annotations

import numpy as np
import pytest

from nbjax.refine.uncertainty import covariance

SPOTS, PIXELS, DRAWS = 60, 9, 400


def test_sigmas_are_those_of_many_draws() -> None:
    rng = np.random.default_rng(3)
    # two numbers of a line, and one that is held; each spot is off as a whole, by four times the noise of its pixels
    columns = rng.normal(size=(SPOTS, PIXELS, 3))
    columns[:, :, 1] += rng.normal(size=(SPOTS, 1))
    prior, free = np.array([10.0, 10.0, 1.0]), np.array([1.0, 1.0, 0.0])
    curvature = np.einsum("nsp,nsq->pq", columns, columns) + np.diag(1 / prior**2)
    found, sigmas = [], []
    for _ in range(DRAWS):
        off = rng.normal(size=(SPOTS, PIXELS)) + 4 * rng.normal(size=(SPOTS, 1))
        numbers = np.zeros(3)
        numbers[:2] = np.linalg.solve(curvature[:2, :2], np.einsum("nsp,ns->p", columns, off)[:2])
        left = off - columns @ numbers
        variances = np.diag(covariance(curvature, np.einsum("nsp,ns->np", columns, left), prior, free))
        found.append(numbers)
        sigmas.append(np.sqrt(variances))
    spread, sigma = np.std(found, axis=0), np.mean(sigmas, axis=0)
    assert sigma[:2] == pytest.approx(spread[:2], rel=0.12)
    assert sigma[2] == 0
    # by the noise of the pixels alone
    assert np.sqrt(np.linalg.inv(curvature[:2, :2])[1, 1]) < 0.5 * spread[1]


def test_what_no_spot_tells_is_as_sure_as_its_prior() -> None:
    prior, free = np.array([0.5, 2.0]), np.ones(2)
    slope = np.zeros((5, 2))
    slope[:, 0] = [1.0, -2.0, 0.5, 1.5, -1.0]
    found = covariance(np.diag([100.0, 0.25]), slope, prior, free)
    assert np.sqrt(found[1, 1]) == pytest.approx(2.0)
    assert found[0, 1] == 0
