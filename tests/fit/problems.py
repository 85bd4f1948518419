"""A small still that the tests of fits share, so that they compile few programs."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from nbjax.config.tree import Beam, Config, Crystal, Detector, Sampling
from nbjax.experiment import Experiment
from nbjax.fit.parameter_set import Free
from nbjax.fit.stages import Stage
from nbjax.physics.noise import poisson_counts
from nbjax.pipeline.image import simulate
from nbjax.preparation import prepare

PIXELS = 64
CRYSTAL = (
    Free("crystal.misset_deg"),
    Free("crystal.cell"),
    Free("crystal.cells", transform="log"),
    Free("scale", transform="log"),
)
TRUTH = np.array([10.0, 20.0, 30.0, 41.0, 47.0, 53.0, 6.0, 6.0, 6.0, 1.0])
SHARP = (Stage(name="sharp"),)


def config(cell_deg: tuple[float, float, float] = (90.0, 90.0, 90.0), **crystal: object) -> Config:
    """A still of 64 x 64 pixels with a hundred spots, the brightest of some ten thousand photons."""
    fields = {
        "cell_A": (41.0, 47.0, 53.0),
        "cell_deg": cell_deg,
        "misset_deg": (10.0, 20.0, 30.0),
        "default_F": 300.0,
        "cells": (6.0, 6.0, 6.0),
        "water_um": 0.012,
    }
    return Config(
        Beam(wavelength_A=1.0, fluence_photons_per_m2=4e28),
        Crystal(**{**fields, **crystal}),
        Detector(distance_mm=60.0, pixel_mm=0.25, pixels_fast=PIXELS, pixels_slow=PIXELS),
        Sampling(oversample=1),
    )


@cache
def truth() -> Experiment:
    with jax.enable_x64(True):
        return prepare(config())


@cache
def image(seed: int = 1) -> np.ndarray:
    with jax.enable_x64(True):
        return np.asarray(poisson_counts(simulate(truth()), jax.random.key(seed)))


def moved(
    experiment: Experiment,
    misset_deg: float = 0.0,
    cell: float = 0.0,
    cells: float = 0.0,
    scale: float = 1.0,
) -> Experiment:
    """Wrong by alternating signs of a misset in degrees, of relative cell lengths and cell counts; scale a factor."""
    crystal, signs = experiment.crystal, np.array([1.0, -1.0, 1.0])
    unit = replace(
        crystal.cell,
        lengths_m=crystal.cell.lengths_m * (1 + cell * signs),
        misset_rad=crystal.cell.misset_rad + np.radians(misset_deg) * signs,
    )
    beam = replace(experiment.beam, fluence_photons_per_m2=experiment.beam.fluence_photons_per_m2 * scale)
    crystal = replace(crystal, cell=unit, cells=crystal.cells * (1 + cells * signs))
    return replace(experiment, beam=beam, crystals=(crystal,))


TOY_PIXELS = 16


def toy_photons(experiment: Experiment, pixels: Array) -> Array:
    """One spot, its place and width the misset, on a background: stands in for the simulator where only fits matter."""
    x, y, wider = 100 * (experiment.crystal.cell.misset_rad - np.radians([10.0, 20.0, 30.0]))
    slow, fast = pixels.T
    spot = jnp.exp(-((fast - 8 - x) ** 2 + (slow - 8 - y) ** 2) / experiment.crystal.cells[0] / (1 + 0.5 * wider))
    return experiment.beam.fluence_photons_per_m2 / 4e28 * (5 + 200 * spot)


@cache
def toy() -> Experiment:
    with jax.enable_x64(True):
        experiment = prepare(config())
    grid = replace(experiment.grid, slow=TOY_PIXELS, fast=TOY_PIXELS, roi=(0, TOY_PIXELS, 0, TOY_PIXELS))
    return replace(experiment, grid=grid)


@cache
def toy_image() -> np.ndarray:
    pixels = np.argwhere(np.ones((TOY_PIXELS, TOY_PIXELS)))
    with jax.enable_x64(True):
        mean = np.asarray(toy_photons(toy(), jnp.asarray(pixels))).reshape(TOY_PIXELS, TOY_PIXELS)
    return np.random.default_rng(1).poisson(mean).astype(float)


def table_photons(experiment: Experiment, pixels: Array) -> Array:
    """Each entry of a table of structure factors but the last row is the amplitude of 16 pixels."""
    values = experiment.crystal.factors.values.reshape(-1)
    slow, fast = pixels.T
    return 0.01 * values[(slow * TABLE_PIXELS + fast) // 16] ** 2


TABLE_PIXELS = 136


@cache
def table() -> Experiment:
    """With 1,156 pixels of 16 in an image of 136 x 136 for a table of 1,200 entries."""
    with jax.enable_x64(True):
        experiment = prepare(config())
        crystal = experiment.crystal
        factors = replace(crystal.factors, values=jnp.full((12, 10, 10), 30.0))
    grid = replace(experiment.grid, slow=TABLE_PIXELS, fast=TABLE_PIXELS, roi=(0, TABLE_PIXELS, 0, TABLE_PIXELS))
    return replace(experiment.with_crystal(replace(crystal, factors=factors)), grid=grid)
