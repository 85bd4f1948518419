"""The table of spots says what the pixels show."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import small_config
from jax import Array
from jaxtyping import Float

import nbjax
from nbjax.dataset.batch import Batch
from nbjax.dataset.load import Recipe
from nbjax.dataset.run import Share
from nbjax.dataset.section import DatasetSection, Labels
from nbjax.dataset.truth import middle_direct_m
from nbjax.geometry.unit_cell import invert_basis
from nbjax.pipeline.image import complete_scene
from nbjax.pipeline.partiality import partialities

IMAGES = 6


def _batch() -> Batch:
    config = small_config(
        beam={"fluence_photons_per_m2": 1e27, "wavelength_A": 1.0},
        crystal={
            "cell_A": (60.0, 50.0, 40.0),
            "cell_deg": (90.0, 95.0, 90.0),
            "matrix_file": None,
            "hkl_file": None,
            "default_F": 200.0,
            "cells": (30, 30, 30),
            "shape": "gauss",
            "mosaic_spread_deg": 0.1,
            "misset_deg": (10.0, 20.0, 30.0),
        },
        detector={"distance_mm": 100.0, "pixels_fast": 64, "pixels_slow": 64, "pixel_mm": 0.4, "convention": "xds"},
        sampling={"mosaic_domains": 2, "oversample": 8},
    )
    labels = Labels(spots=True)
    section = DatasetSection(kind="rotation", width_deg=0.5, noise=False, pixels="float32", labels=labels)
    return Batch(Recipe(config, section), Share(Path(), "x", IMAGES, IMAGES), 1)


@pytest.fixture(scope="module")
def series() -> list[tuple[np.ndarray, dict[str, Any]]]:
    """Pixels and spots of a rotation series of sharp spots, without noise."""
    batch = _batch()
    with jax.enable_x64(True):
        frames = [batch.frame(number) for number in range(IMAGES)]
    return [(frame.pixels, {name: field.values for name, field in frame.spots.items()}) for frame in frames]


def test_centroids_are_those_of_the_photons(series: list[tuple[np.ndarray, dict[str, Any]]]) -> None:
    """In a window about each bright spot; where they are predicted in the middle of the exposure is another place."""
    differences, predicted = [], []
    for pixels, spots in series:
        for place, bright, guess in zip(spots["centroid"], spots["intensity"], spots["predicted"], strict=True):
            first = place.astype(int) - 3
            if bright > 1e-3 * spots["intensity"].max() and (first >= 0).all() and (first < 64 - 7).all():
                rows, columns = np.mgrid[first[1] : first[1] + 7, first[0] : first[0] + 7]
                photons = pixels[rows, columns]
                centre = [((at + 0.5) * photons).sum() / photons.sum() for at in (columns, rows)]
                differences.append(place - centre)
                predicted.append(guess - centre)
    assert len(differences) >= 10
    assert np.sqrt(np.mean(np.square(differences))) < 0.01
    assert np.sqrt(np.mean(np.square(predicted))) > 0.05


def test_partialities_are_shares_of_the_photons_of_a_series(series: list[tuple[np.ndarray, dict[str, Any]]]) -> None:
    photons: dict[tuple[int, ...], list[float]] = defaultdict(lambda: [0.0] * IMAGES)
    shares: dict[tuple[int, ...], list[float]] = defaultdict(lambda: [0.0] * IMAGES)
    turns: dict[tuple[int, ...], float] = defaultdict(float)
    for number, (_, spots) in enumerate(series):
        rows = zip(spots["miller_index"], spots["intensity"], spots["partiality"], spots["phi"], strict=True)
        for index, intensity, partiality, phi in rows:
            assert 0.5 * number <= phi <= 0.5 * (number + 1)
            photons[tuple(index)][number] = intensity
            shares[tuple(index)][number] = partiality
            turns[tuple(index)] += phi * intensity
    bright = [index for index in photons if sum(photons[index]) > 1e4]
    whole = [index for index in bright if max(shares[index][0], shares[index][-1]) < 1e-4 < 0.1 < sum(shares[index])]
    assert len(whole) >= 4
    for index in whole:
        assert sum(shares[index]) == pytest.approx(1.0, abs=0.01)
        np.testing.assert_allclose(np.divide(photons[index], sum(photons[index])), shares[index], atol=0.01)
        assert turns[index] / sum(photons[index]) == pytest.approx(_crossing_deg(index), abs=0.05)


def _crossing_deg(index: tuple[int, ...]) -> float:
    """Mean spindle angle at which the domains of the series bring a point of the reciprocal lattice onto the sphere."""
    batch, steps = _batch(), 300
    with jax.enable_x64(True):
        experiment = batch.simulator.experiments(batch.plan.image(0))[0]
        angles = np.linspace(0, 0.5 * IMAGES, steps, endpoint=False)
        spindle = replace(
            experiment.crystal.spindle, start_rad=jnp.zeros(()), step_rad=jnp.radians(angles[1]), steps=steps
        )
        turned = experiment.with_crystal(replace(experiment.crystal, spindle=spindle))
        direct_m = np.asarray(complete_scene(jax.device_put(turned)).crystals[0].orientations_m)
    # rows of the inverse's transpose are the reciprocal vectors
    q = (np.linalg.inv(direct_m) @ index).reshape(steps, 2, 3)
    s0 = np.asarray(experiment.beam.direction) / float(experiment.beam.wavelength_m)
    outside = np.linalg.norm(s0 + q, axis=-1) > np.linalg.norm(s0)
    crossings = [angles[np.flatnonzero(np.diff(column))[0]] + angles[1] / 2 for column in outside.T]
    return float(np.mean(crossings))


@pytest.mark.parametrize("shape", ["square", "round", "gauss", "tophat"])
def test_the_whole_of_a_rocking_curve_is_one(shape: str) -> None:
    crystal = {"shape": shape, "phi_range_deg": 20.0, "phi_start_deg": -10.0, "cells": (30, 20, 25)}
    start = nbjax.prepare(small_config(crystal=crystal, sampling={"phi_steps": 400}))
    # a reflection that lies in its reflecting position in the middle of the scan
    hkl = _reflecting(start)
    whole = np.asarray(partialities(start, hkl))
    tolerance = 1e-3 if shape == "gauss" else 0.02
    np.testing.assert_allclose(whole, 1.0, atol=tolerance)
    spindle = start.crystal.spindle
    half = replace(spindle, start_rad=spindle.start_rad + 200 * spindle.step_rad, steps=200)
    halves = [
        np.asarray(partialities(start.with_crystal(replace(start.crystal, spindle=each)), hkl))
        for each in (replace(spindle, steps=200), half)
    ]
    np.testing.assert_allclose(sum(halves), whole, rtol=1e-9)
    still = replace(spindle, start_rad=jnp.zeros_like(spindle.start_rad), steps=1)
    heights = np.asarray(partialities(start.with_crystal(replace(start.crystal, spindle=still)), hkl))
    assert ((heights >= -1e-9) & (heights <= 1 + 1e-9)).all()


def _reflecting(experiment: nbjax.Experiment) -> Float[Array, "n 3"]:
    """Indices whose points cross the Ewald sphere between -3 and 3 degrees."""
    grid = np.stack(np.meshgrid(*[np.arange(-4, 5)] * 3, indexing="ij"), -1).reshape(-1, 3)
    q = grid @ np.asarray(invert_basis(middle_direct_m(experiment)))
    s0 = np.asarray(experiment.beam.direction) / float(experiment.beam.wavelength_m)
    axis = np.asarray(experiment.crystal.spindle.axis)
    error = np.linalg.norm(s0 + q, axis=1) - np.linalg.norm(s0)
    speed = ((s0 + q) / np.linalg.norm(s0 + q, axis=1, keepdims=True) * np.cross(axis, q)).sum(1)
    near = (np.abs(error) < np.radians(3) * np.abs(speed)) & (np.abs(speed) > 0.5 * np.linalg.norm(q, axis=1))
    assert near.sum() >= 4
    return jnp.asarray(grid[near], float)
