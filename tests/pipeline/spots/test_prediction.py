"""Predicted spots are those of the images."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

import nbjax
from nbjax.config.tree import Beam, Config, Crystal, Detector, Sampling
from nbjax.errors import ArgumentError
from nbjax.experiment import Experiment
from nbjax.sampling.capacity import Capacity


def prepared(crystal: dict[str, Any], beam: dict[str, Any] | None = None, **sampling: Any) -> Experiment:
    """A small triclinic crystal with a handful of spots."""
    given: dict[str, Any] = {
        "cells": (12.0,) * 3,
        "default_F": 100.0,
        "misset_deg": (10.0, 20.0, 30.0),
        "cell_A": (40.0, 50.0, 60.0),
        "cell_deg": (75.0, 85.0, 110.0),
        "shape": "gauss",
        **crystal,
    }
    detector = Detector(
        pixel_mm=0.12, pixels_fast=120, pixels_slow=120, distance_mm=120.0, beam_x_mm=2.0, beam_y_mm=30.0
    )
    return nbjax.prepare(
        Config(Beam(wavelength_A=1.0, **(beam or {})), Crystal(**given), detector, Sampling(**sampling))
    )


KINDS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any], float]] = {
    "closed still": (
        {"model": "closed", "mosaicity_deg": 0.1, "cell_spread_percent": 0.1},
        {"bandwidth_percent": 0.2, "divergence_sigma_mrad": 0.3},
        {},
        1e-3,
    ),
    "closed rotation": ({"model": "closed", "mosaicity_deg": 0.05, "phi_range_deg": -0.3}, {}, {}, 1e-3),
    "sampled still": (
        {"mosaicity_deg": 0.1, "interpolate": False},
        {},
        {"mosaic_domains": 20, "oversample": 4},
        2e-3,
    ),
    "sampled rotation": (
        {"mosaic_spread_deg": 0.1, "phi_range_deg": 0.3, "interpolate": False},
        {},
        {"mosaic_domains": 10, "phi_steps": 6, "oversample": 4},
        2e-3,
    ),
}


@pytest.mark.parametrize("name", KINDS)
def test_photons_and_centroids_are_those_of_the_image(name: str) -> None:
    crystal, beam, sampling, tolerance = KINDS[name]
    with jax.enable_x64(True):
        experiment = prepared(crystal, beam, **sampling)
        image, spots = np.asarray(nbjax.simulate(experiment)), nbjax.predict(experiment)
    assert len(spots) == int(spots.count) >= 3
    slow, fast = np.indices(image.shape) + 0.5
    bright = np.flatnonzero(np.asarray(spots.photons) > 0.3 * float(spots.photons.max()))
    assert len(bright) >= 2
    for row in bright:
        place, covariance = np.asarray(spots.centre[row]), np.asarray(spots.covariance[row])
        half = 6 * np.sqrt(np.diag(covariance)) + 1
        assert ((place > half) & (place < 120 - half)).all()
        photons = np.where((abs(fast - place[0]) < half[0]) & (abs(slow - place[1]) < half[1]), image, 0)
        off = np.stack([fast, slow]) - place[:, None, None]
        total = photons.sum()
        assert float(spots.photons[row]) == pytest.approx(total, rel=tolerance)
        assert_allclose((off * photons).sum((1, 2)) / total, 0, atol=0.05)
        spread = np.einsum("iab,jab,ab->ij", off, off, photons) / total - np.eye(2) / 12
        assert_allclose(spread, covariance, atol=0.03 * np.trace(covariance))


def test_each_reflection_is_listed_once_for_each_side_of_its_turning_point() -> None:
    """A whole turn brings every reflection of the panel through the sphere at the angles at which it crosses it."""
    with jax.enable_x64(True):
        experiment = prepared(
            {"phi_range_deg": 360.0, "phi_start_deg": 20.0, "cells": (80.0,) * 3, "interpolate": False}, phi_steps=7200
        )
        spots = jax.tree.map(np.asarray, nbjax.predict(experiment))
    inside = np.abs(np.radians(200) - spots.angle_rad) < np.radians(179)
    assert inside.sum() > 300
    crosses = inside & (np.abs(spots.excitation_per_m) < 1.0)
    assert (spots.partiality[crosses] > 0.5).all()
    assert (spots.partiality[crosses] > 1 - 1e-6).mean() > 0.97
    assert (spots.partiality[inside & ~crosses] < 0.5).all()
    rows = np.column_stack([spots.miller_index, np.round(spots.angle_rad, 6)])[crosses]
    assert len(np.unique(rows, axis=0)) == len(rows)
    # at each of these angles a still of the same crystal shows the reflection in the same place
    room = None
    for row in np.flatnonzero(spots.partiality * crosses > 1 - 1e-6)[:: inside.sum() // 3]:
        with jax.enable_x64(True):
            spindle = replace(experiment.crystal.spindle, start_rad=jnp.asarray(spots.angle_rad[row]), steps=1)
            still = experiment.with_crystal(replace(experiment.crystal, spindle=spindle))
            room = room or _with_twice(nbjax.spot_capacity(still))
            still = nbjax.predict(still, capacity=room)
        assert int(still.count) <= len(still)
        still = still.first(int(still.count))
        (found,) = np.flatnonzero((np.asarray(still.miller_index) == spots.miller_index[row]).all(1))
        assert_allclose(still.centre[found], spots.centre[row], atol=1e-3)
        assert float(still.excitation_per_m[found]) == pytest.approx(0, abs=1.0)


def _with_twice(room: Capacity) -> Capacity:
    """Room for twice as much: other angles have more."""
    return replace(room, blocks=2 * room.blocks, near=2 * room.near, excited=2 * room.excited, seen=2 * room.seen)


def _traced(experiment: Experiment, capacity: Capacity, path: str) -> Any:
    def of_value(value: Any) -> Any:
        spots = nbjax.predict(nbjax.put(experiment, path, value), capacity=capacity)
        rows = jnp.arange(len(spots)) < spots.count
        return jax.tree.map(
            lambda leaf: jnp.where(rows.reshape(-1, *[1] * (leaf.ndim - 1)), leaf, 0),
            (spots.centre, spots.covariance, jnp.log(jnp.where(rows, spots.photons, 1)), spots.partiality),
        )

    return of_value


@pytest.mark.parametrize("crystal", [{"mosaicity_deg": 0.1}, {"mosaicity_deg": 0.1, "phi_range_deg": 0.3}])
def test_derivatives_are_those_of_finite_differences(crystal: dict[str, Any]) -> None:
    with jax.enable_x64(True):
        experiment = jax.tree.map(jnp.asarray, prepared({"model": "closed", **crystal}))
        of_wavelength = _traced(experiment, nbjax.spot_capacity(experiment), "beam.wavelength_m")
        at, step = experiment.beam.wavelength_m, 1e-16
        pushed = jax.jit(lambda wavelength_m: jax.jvp(of_wavelength, (wavelength_m,), (jnp.ones(()),)))
        slopes = pushed(at)[1]
        ahead, behind = (pushed(at + move)[0] for move in (step, -step))
    for slope, high, low in zip(slopes, ahead, behind, strict=True):
        expected = (np.asarray(high) - np.asarray(low)) / (2 * step)
        assert_allclose(slope, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_more_spots_than_there_is_room_for_are_counted() -> None:
    with jax.enable_x64(True):
        experiment = prepared({"model": "closed", "mosaicity_deg": 0.1})
        room = nbjax.spot_capacity(experiment)
        whole = nbjax.predict(experiment, capacity=room)
        assert int(whole.count) <= len(whole) == room.seen
        for small in (replace(room, seen=2), replace(room, near=2), replace(room, blocks=1)):
            spots = nbjax.predict(experiment, capacity=small)
            assert int(spots.count) > len(spots) == small.seen


def test_what_cannot_be_predicted_is_refused() -> None:
    with jax.enable_x64(True):
        experiment = prepared({"model": "closed"})
    with pytest.raises(ArgumentError, match="crystal = 1: there is no such crystal; give 0 to 0"):
        nbjax.predict(experiment, crystal=1)
    with pytest.raises(ArgumentError, match="spot_capacity"):
        jax.jit(nbjax.predict)(experiment)


@pytest.mark.filterwarnings("ignore::nbjax.errors.PrecisionWarning")
@pytest.mark.parametrize("shape", ["square", "gauss"])
def test_an_experiment_in_32_bits_has_the_same_spots(shape: str) -> None:
    given: dict[str, Any] = {"shape": shape, "interpolate": False, "mosaic_spread_deg": 0.1}
    with jax.enable_x64(True):
        exact = nbjax.predict(prepared(given, mosaic_domains=4))
    experiment = prepared(given, mosaic_domains=4)
    room = nbjax.spot_capacity(experiment)
    narrow = nbjax.compiled(lambda one: nbjax.predict(one, capacity=room))(experiment)
    for spots in (narrow.first(int(narrow.count)), nbjax.predict(experiment)):
        np.testing.assert_array_equal(spots.miller_index, exact.miller_index)
        assert_allclose(spots.centre, exact.centre, atol=1e-2)
        assert_allclose(spots.photons, exact.photons, rtol=1e-2, atol=1e-3 * float(np.max(exact.photons)))
