"""Crystals whose reflections lose intensity to diffuse halos: sampled and closed, in images and traces."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import small_config

import nbjax
from nbjax.config.tree import Beam, Config, Crystal, Detector, Sampling
from nbjax.errors import ConfigError
from nbjax.experiment import Experiment, without_tables
from nbjax.geometry.unit_cell import direct_vectors_m
from nbjax.numerics import Components, components
from nbjax.physics.backgrounds.halo import Halo
from nbjax.physics.debye_waller import debye_waller
from nbjax.physics.shapes import SHAPES
from nbjax.pipeline.fall_off import fall_off_m2
from nbjax.pipeline.halos import with_halos

MOTION: dict[str, Any] = {"diffuse_sigma_axes_A": (0.3, 0.5, 0.4), "diffuse_gamma_axes_A": (8.0, 12.0, 10.0)}
CHANGES = {"motion.sigma_m": 1e-12, "motion.gamma_m": 2e-11, "cell.lengths_m": 1e-13, "b_factor_m2": 1e-21}
PIXELS = np.array([[0, 0], [11, 9], [5, 17]])


def sampled(**crystal: Any) -> Experiment:
    given = {"mosaicity_deg": 0.2, "b_factor_A2": 5.0, **crystal}
    return nbjax.prepare(small_config(crystal=given, sampling={"oversample": 1, "mosaic_domains": 3}))


def halos_of(made: Experiment) -> Experiment:
    """Its halos alone."""
    both = with_halos(made)
    terms = tuple(term for term in both.backgrounds if isinstance(term, Halo))
    return replace(both, crystals=(), backgrounds=terms)


def test_nothing_is_lost_over_a_cell_of_reciprocal_space() -> None:
    config = Config(
        Beam(wavelength_A=1.0),
        Crystal(
            cell_A=(30.0, 40.0, 50.0),
            cell_deg=(80.0, 95.0, 105.0),
            cells=(5.0, 6.0, 7.0),
            default_F=10.0,
            shape="gauss",
            interpolate=False,
            **MOTION,
        ),
        Detector(pixel_mm=1.0, pixels_fast=4, pixels_slow=4),
        Sampling(oversample=1),
    )
    made = jax.jit(with_halos)(nbjax.prepare(config))
    crystal, (halo,) = made.crystal, made.backgrounds
    assert isinstance(halo, Halo)
    places = (np.arange(24) + 0.5) / 24 - 0.5
    delta = np.stack(np.meshgrid(*[places] * 3, indexing="ij"), -1).reshape(-1, 3)
    stars = np.linalg.inv(np.asarray(direct_vectors_m(crystal.cell))).T
    q = components(jnp.asarray((delta + np.array([7.0, 9.0, 11.0])) @ stars))
    off, cells = components(jnp.asarray(delta)), components(jnp.asarray(crystal.cells))

    @jax.jit
    def means(q: Components, off: Components) -> tuple[jax.Array, jax.Array]:
        lattice = SHAPES["gauss"].lattice(off, cells, jnp.asarray(crystal.fudge), jnp.float64)
        matrix = fall_off_m2(crystal, jnp.zeros(()))
        assert matrix is not None
        return ((10.0 * lattice) ** 2 * debye_waller(matrix, q)).mean(), halo.electrons_squared(q).mean()

    bragg, diffuse = means(q, off)
    assert 0.3 < bragg / diffuse < 3
    np.testing.assert_allclose(bragg + diffuse, 100.0 * 5 * 6 * 7, rtol=2e-3)


def turning(model: str, **crystal: Any) -> Experiment:
    given = {"cells": (8.0,) * 3, "default_F": 100.0, "misset_deg": (10.0, 20.0, 30.0), "volume_um3": 1.0, **crystal}
    return nbjax.prepare(
        Config(
            Beam(wavelength_A=1.0, profile="gaussian", beamsize_mm=0.02),
            Crystal(model=model, shape="gauss", cell_A=(20.0, 25.0, 30.0), offset_mm=(0.004, 0.0), **given),
            Detector(pixel_mm=2.0, pixels_fast=16, pixels_slow=12, distance_mm=60.0),
            Sampling(oversample=1) if model == "sampled" else Sampling(),
        )
    )


def test_sampled_and_closed_crystals_have_the_same_halos() -> None:
    of_sampled, of_closed = (halos_of(turning(model, **MOTION)) for model in ("sampled", "closed"))
    np.testing.assert_allclose(nbjax.simulate(of_sampled), nbjax.simulate(of_closed), rtol=1e-12)


def test_a_rotation_has_the_mean_halos_of_its_stills() -> None:
    start = halos_of(turning("sampled", **MOTION, phi_range_deg=6.0))
    (halo,) = start.backgrounds
    assert isinstance(halo, Halo)
    angles = len(halo.direct_m)
    assert 2 <= angles <= 32
    whole = np.asarray(nbjax.simulate(start))
    still = turning("sampled", **MOTION)

    @jax.jit
    def at(angle_rad: jax.Array) -> jax.Array:
        return nbjax.simulate(halos_of(nbjax.put(still, "crystals.0.spindle.start_rad", angle_rad)))

    # the steps begin at the start, and stand for the angles about them
    step_deg = float(np.rad2deg(turning("sampled", **MOTION, phi_range_deg=6.0).crystal.spindle.step_rad))
    mean = np.mean([at(jnp.deg2rad(6.0 * (k + 0.5) / 40 - step_deg / 2)) for k in range(40)], axis=0)
    np.testing.assert_allclose(whole, mean, rtol=0.02)


def test_derivatives_by_the_motion() -> None:
    made = turning("sampled", **MOTION, b_factor_A2=5.0)
    weights = jnp.cos(jnp.arange(192.0)).reshape(12, 16) + 1.5

    @jax.jit
    def total(step: jax.Array) -> jax.Array:
        changed = made
        for place, change in CHANGES.items():
            value = jnp.asarray(nbjax.fields.look_up(made, f"crystals.0.{place}"))
            moved = value + step * change * jnp.asarray([1.0, -0.4, 0.7])[: value.size].reshape(value.shape)
            changed = nbjax.put(changed, f"crystals.0.{place}", moved)
        return (weights * nbjax.simulate(changed)).sum()

    h, zero = 1e-2, jnp.zeros(())
    slope = float((total(zero + h) - total(zero - h)) / (2 * h))
    np.testing.assert_allclose(jax.jit(jax.grad(total))(zero), slope, rtol=1e-5)


def test_pixels_are_what_reflections_keep_and_their_halos() -> None:
    made = sampled(**MOTION, water_um=0.1)
    stages = nbjax.trace(made, PIXELS, samples=True)
    np.testing.assert_allclose(stages.product_photons(), stages.I_pixel_photons, rtol=1e-12)
    q = np.asarray(stages.last.scattering_per_m)
    axes = np.asarray(made.crystal.cell.misset @ made.crystal.cell.orientation) * np.array([0.3, 0.5, 0.4]) * 1e-10
    left = np.exp(-4 * np.pi**2 * ((q @ axes) ** 2).sum(1) - 0.5 * 5e-20 * (q**2).sum(1))
    np.testing.assert_allclose(stages.last.debye_waller, left, rtol=1e-12)
    backgrounds = np.asarray(stages.backgrounds_electrons_squared)
    assert backgrounds.shape == (len(PIXELS), 2)
    (halo,) = halos_of(made).backgrounds
    assert isinstance(halo, Halo)
    diffuse = np.asarray(halo.electrons_squared(components(jnp.asarray(q))))
    np.testing.assert_allclose(backgrounds[:, 1] / float(stages.steps), diffuse, rtol=1e-12)
    assert stages.samples is not None
    (samples,) = stages.samples
    bragg = (samples.weight * samples.intensity_electrons_squared * samples.debye_waller).reshape(len(PIXELS), -1)
    whole = backgrounds.sum(1) + np.asarray(bragg).sum(1) * float(stages.steps)
    np.testing.assert_allclose(stages.before_scaling_electrons_squared, whole, rtol=1e-12)


def test_in_single_precision_halos_have_low_parts_of_nothing() -> None:
    config = replace(small_config(crystal=MOTION, sampling={"oversample": 1}), precision="single")
    made = nbjax.prepare(config)
    both = jax.jit(with_halos)(made)
    assert both.low is not None
    assert jax.tree.structure(without_tables(both)) == jax.tree.structure(both.low)
    assert all(not leaf.any() for leaf in jax.tree.leaves(both.low.backgrounds))
    assert jax.eval_shape(nbjax.simulate, made).shape == made.grid.shape


@pytest.mark.parametrize(
    ("crystal", "sentence"),
    [
        ({"diffuse_sigma_A": 0.3}, r"crystal\.diffuse_gamma_A: is missing beside diffuse_sigma_A; give the distance"),
        ({"diffuse_gamma_A": 9.0}, r"crystal\.diffuse_sigma_A: is missing beside diffuse_gamma_A; give displacements"),
        ({"diffuse_sigma_A": 0.3, "diffuse_gamma_A": 0.0}, r"crystal\.diffuse_gamma_A: got 0, must be above zero"),
        ({"diffuse_sigma_A": -0.3, "diffuse_gamma_A": 9.0}, r"crystal\.diffuse_sigma_A: got -0\.3, must not be"),
        ({**MOTION, "diffuse_sigma_A": 0.3}, r"crystal\.diffuse_sigma_axes_A: given together with crystal\.diffuse"),
    ],
)
def test_motions_that_cannot_be(crystal: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        nbjax.prepare(small_config(crystal=crystal))


def test_the_c_program_has_no_halos() -> None:
    with pytest.raises(ConfigError, match=r"crystal\.diffuse_sigma_A: the C program has no diffuse scattering"):
        nbjax.prepare(replace(small_config(crystal=MOTION), parity=("star_shape",)))
