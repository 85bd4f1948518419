"""A crystal whose reflections fall off with resolution: sampled, closed, predicted and traced."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import small_config
from one_size import of_one_size

import nbjax
from nbjax.config.tree import Beam, Config, Crystal, Detector, Sampling
from nbjax.errors import ConfigError
from nbjax.experiment import Experiment
from nbjax.physics.backgrounds.halo import Halo
from nbjax.pipeline.halos import with_halos

B_A2 = 80.0
PIXELS = np.array([[0, 0], [11, 9], [5, 17]])


def sampled(b_A2: float | None = B_A2, **crystal: Any) -> Experiment:
    given = {"phi_range_deg": 1.0, "b_factor_A2": b_A2, **crystal}
    return nbjax.prepare(small_config(crystal=given, sampling={"phi_steps": 2, "oversample": 1}))


def test_intensities_fall_off_by_the_resolution_of_each_sample() -> None:
    stages, whole = nbjax.trace(sampled(), PIXELS), nbjax.trace(sampled(None), PIXELS)
    q_per_A = np.asarray(whole.last.scattering_per_m) * 1e-10
    left = np.exp(-0.5 * B_A2 * (q_per_A**2).sum(-1))
    assert left.min() < 0.5 < left.max()
    np.testing.assert_allclose(stages.I_pixel_photons, whole.I_pixel_photons * left, rtol=1e-12)
    np.testing.assert_allclose(stages.last.debye_waller, left, rtol=1e-12)
    assert whole.last.debye_waller is None


def test_no_fall_off_is_the_same_image_to_the_bit() -> None:
    np.testing.assert_array_equal(nbjax.simulate(sampled(0.0)), nbjax.simulate(sampled(None)))


def test_a_trace_shows_the_fall_off_of_each_sample() -> None:
    stages = nbjax.trace(sampled(water_um=0.3), PIXELS, samples=True)
    np.testing.assert_allclose(stages.product_photons(), stages.I_pixel_photons, rtol=1e-12)
    assert stages.samples is not None
    (samples,) = stages.samples
    bragg = samples.weight * samples.debye_waller * samples.intensity_electrons_squared
    before = bragg.reshape(len(PIXELS), -1).sum(1) * stages.steps + stages.background_electrons_squared
    np.testing.assert_allclose(before, stages.before_scaling_electrons_squared, rtol=1e-12)
    assert samples.running_electrons_squared is not None
    last = samples.running_electrons_squared[:, -1, -1, -1, -1, -1, -1]
    np.testing.assert_allclose(last, stages.before_scaling_electrons_squared, rtol=1e-12)


def spot(model: str, b_A2: float, **crystal: Any) -> Config:
    """One spot at 2.3 Angstrom, whose pixels see different resolutions."""
    given = {"cells": (6.0, 7.0, 8.0), "default_F": 100.0, "misset_deg": (10.0, 20.0, 30.0), **crystal}
    return Config(
        beam=Beam(wavelength_A=1.0),
        crystal=Crystal(
            model=model,
            shape="gauss",
            interpolate=None if model == "closed" else False,
            cell_A=(20.0, 25.0, 30.0),
            cell_deg=(75.0, 85.0, 110.0),
            b_factor_A2=b_A2,
            **given,
        ),
        detector=Detector(
            pixel_mm=0.2, pixels_fast=64, pixels_slow=64, distance_mm=60.0, beam_x_mm=5.0, beam_y_mm=-8.0
        ),
        sampling=Sampling(oversample=4) if model == "sampled" else Sampling(),
    )


@pytest.fixture(scope="module")
def closed() -> Experiment:
    with jax.enable_x64(True):
        return of_one_size(nbjax.prepare(spot("closed", 0.0, diffuse_sigma_A=0.0, diffuse_gamma_A=8.0)))


def with_b(made: Experiment, b_A2: jax.Array | float) -> Experiment:
    return nbjax.put(made, "crystals.0.b_factor_m2", jnp.asarray(b_A2) * 1e-20)


def test_closed_spots_fall_off_as_sampled_ones_do(closed: Experiment) -> None:
    b_A2 = 60.0
    whole, less = (np.asarray(nbjax.simulate(nbjax.prepare(spot("sampled", b)))) for b in (0.0, b_A2))
    own_whole, own_less = (np.asarray(nbjax.simulate(with_b(closed, b))) for b in (0.0, b_A2))
    row, column = np.unravel_index(less.argmax(), less.shape)
    about = np.s_[row - 3 : row + 4, column - 3 : column + 4]
    bright = less[about] > 0.02 * less.max()
    left, own = (less[about] / whole[about])[bright], (own_less[about] / own_whole[about])[bright]
    # along the spot too, by the resolution of its domains
    assert np.ptp(left) > 0.06 * left.mean()
    np.testing.assert_allclose(own, left, rtol=2e-3)


def test_a_closed_crystal_moves_as_a_liquid(closed: Experiment) -> None:
    """Its spots fall off as by a B of 8 pi^2 sigma^2, and its halos are about them."""
    moved = nbjax.put(closed, "crystals.0.motion.sigma_m", jnp.full(3, 0.6e-10))
    spots = np.asarray(nbjax.simulate(with_b(closed, 8 * np.pi**2 * 0.36)))
    (halo,) = (term for term in with_halos(moved).backgrounds if isinstance(term, Halo))
    diffuse = np.asarray(nbjax.simulate(replace(moved, crystals=(), backgrounds=(halo,))))
    assert 0.1 < diffuse.sum() / spots.sum() < 10
    np.testing.assert_allclose(nbjax.simulate(moved), spots + diffuse, rtol=1e-9)


def test_the_c_program_has_no_fall_off() -> None:
    config = replace(small_config(crystal={"b_factor_A2": 1.0}), parity=("star_shape",))
    with pytest.raises(ConfigError, match=r"crystal\.b_factor_A2: the C program has none"):
        nbjax.prepare(config)
