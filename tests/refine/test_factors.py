"""Intensities from many shots: the step of all equations at once, and what is left out."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import gemmi
import jax.numpy as jnp
import numpy as np
import pytest

from nbjax.io.symmetry import symmetry_of
from nbjax.refine.factor_files import correlation, factors_csv, factors_mtz
from nbjax.refine.factors import Merged, Observation, Sums, add
from nbjax.refine.model import log_photons
from nbjax.refine.unique import NONE, unique_reflections

COUNT, ERROR = 5, 0.2


def nothing(count: int = COUNT) -> Sums:
    return Sums(*(np.zeros((2, count)) for _ in fields(Sums)))


def observed(seed: int, spots: int) -> tuple[np.ndarray, Observation]:
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, COUNT, spots)
    return rows, Observation(1 + 0.2 * rng.normal(size=spots), rng.uniform(0.01, 0.3, spots), np.full(spots, 0.05))


def test_intensities_are_those_of_all_equations_at_once() -> None:
    F = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    sums, matrix, right = nothing(), np.zeros((COUNT, COUNT)), np.zeros(COUNT)
    for shot in range(4):
        rows, told = observed(shot, 30)
        add(sums, shot % 2, rows, F, told, ERROR)
        # height x F^2 of the model against the unknown intensity of each spot's reflection
        design = np.eye(COUNT)[rows]
        weight = 1 / ((told.variance + told.open + ERROR**2) * F[rows] ** 4)
        matrix += design.T * weight @ design
        right += design.T * weight @ (told.height * F[rows] ** 2)
    mean, sigma = sums.mean()
    np.testing.assert_allclose(mean, np.linalg.solve(matrix, right), rtol=1e-10)
    assert (sigma >= np.sqrt(np.diag(np.linalg.inv(matrix))) * (1 - 1e-10)).all()
    assert sums.count.sum() == 120


def test_shots_without_spots_and_spots_without_values_change_nothing() -> None:
    rows, told = observed(1, 8)
    whole, more = nothing(), nothing()
    add(whole, 0, rows, np.ones(COUNT), told, ERROR)
    add(more, 0, rows, np.ones(COUNT), told, ERROR)
    add(more, 1, rows[:0], np.ones(COUNT), Observation(*(np.zeros(0),) * 3), ERROR)
    add(
        more,
        1,
        np.array([NONE, 0, 1]),
        np.ones(COUNT),
        Observation(np.array([1, np.nan, 1]), np.zeros(3), np.ones(3)),
        ERROR,
    )
    for each in fields(Sums):
        np.testing.assert_array_equal(getattr(more, each.name), getattr(whole, each.name))


def test_a_spot_that_is_far_off_counts_less() -> None:
    sums = nothing(1)
    for height in (1.0, 1.0, 1.0, 1.0, 50.0):
        one = np.array([height])
        add(sums, 0, np.zeros(1, int), np.ones(1), Observation(one, np.full(1, 0.01), np.zeros(1)), 0.1)
    assert sums.mean()[0][0] < 2.0
    assert sums.plain.sum() / sums.count.sum() > 10


def test_photons_of_a_spot_from_its_features() -> None:
    x, y, fast2, slow2, both = 0.3, -0.2, 1.1, 0.7, 0.2
    stiff = np.linalg.inv([[fast2, both], [both, slow2]])
    pull = stiff @ [x, y]
    height = np.log(500 / (2 * np.pi)) + 0.5 * np.log(np.linalg.det(stiff))
    constant = 0.5 * np.array([x, y]) @ pull - height
    feature = [constant, *-pull, 0.5 * stiff[0, 0], stiff[0, 1], 0.5 * stiff[1, 1]]
    assert float(log_photons(jnp.array(feature))) == pytest.approx(np.log(500), rel=1e-12)


@pytest.fixture
def merged() -> Merged:
    cell = np.array([20.0, 24.0, 30.0, 90.0, 90.0, 90.0])
    unique = unique_reflections(symmetry_of(gemmi.SpaceGroup("P 21 21 21")), cell, 4.0, True)
    rng = np.random.default_rng(3)
    F, sums = rng.uniform(10, 100, len(unique)), nothing(len(unique))
    for shot in range(6):
        rows = np.flatnonzero(rng.uniform(size=len(unique)) < 0.7)
        height = 1 + 0.01 * rng.normal(size=len(rows))
        add(sums, shot % 2, rows, F, Observation(height, np.full(len(rows), 1e-4), np.zeros(len(rows))), 0.01)
    return Merged(unique, F, np.full(len(unique), 2.0), sums, sums, {})


def test_an_mtz_has_mates_their_mean_and_how_often_they_were_seen(merged: Merged, tmp_path: Path) -> None:
    (tmp_path / "f.mtz").write_bytes(factors_mtz(merged, 1.2))
    mtz = gemmi.read_mtz_file(str(tmp_path / "f.mtz"))
    assert mtz.column_labels() == ["H", "K", "L", "F", "SIGF", "F(+)", "SIGF(+)", "F(-)", "SIGF(-)", "MULT"]
    table = {tuple(map(int, row[:3])): row[3:] for row in np.array(mtz)}
    unique, count = merged.unique, merged.sums.count.sum(0)
    hkl = np.array([[1, 2, 3]])
    plus, minus = int(unique.of(hkl)[0]), int(unique.of(-hkl)[0])
    F, sigma_F, F_plus, sigma_plus, F_minus, _, multiplicity = table[1, 2, 3]
    assert (F_plus, F_minus) == pytest.approx((merged.F[plus], merged.F[minus]), rel=1e-6)
    assert pytest.approx((merged.F[plus] + merged.F[minus]) / 2, rel=1e-6) == F
    assert sigma_F == pytest.approx(sigma_plus / np.sqrt(2), rel=1e-6)
    assert multiplicity == count[plus] + count[minus]
    # of a centric one there is one amplitude
    own = int(unique.of(np.array([[0, 2, 3]]))[0])
    assert table[0, 2, 3][:2] == pytest.approx((merged.F[own], 2.0), rel=1e-6)


def test_a_table_tells_what_the_halves_agree_in(merged: Merged) -> None:
    lines = factors_csv(merged).decode().splitlines()
    last = dict(zip(lines[0].split(","), map(float, lines[-1].split(",")), strict=True))
    assert last["cc_half"] > 0.99
    assert last["unique"] == len(merged.unique)
    noise = np.random.default_rng(4).normal(size=(2, len(merged.unique)))
    worse = replace(merged, sums=replace(merged.sums, first=merged.sums.weight * noise))
    lines = factors_csv(worse).decode().splitlines()
    assert abs(float(lines[-1].split(",")[-2])) < 0.3
    assert np.isnan(correlation(np.array([1.0, np.nan, 2.0]), np.array([1.0, 2.0, np.nan])))
