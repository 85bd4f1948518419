"""Images of a crystal with Gaussian disorder: what carries it along, its precision, its traces and its derivatives."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import residual, small_config

from nbjax import Experiment, prepare, put, simulate, trace
from nbjax.config.tree import Config, Precision
from nbjax.fields import look_up
from nbjax.geometry.goniometer import phi_rotations
from nbjax.pipeline.scene import orientations

PLACES = ("mosaicity_rad", "cell_spread")
DOMAINS = 24


def config(mosaicity_deg: float = 0.1, spread_percent: float = 0.2, precision: Precision = "double") -> Config:
    crystal = {"mosaicity_deg": mosaicity_deg, "cell_spread_percent": spread_percent, "phi_range_deg": 0.4}
    crystal |= {"misset_deg": (3.0, -2.0, 7.0), "phi_start_deg": 20.0, "shape": "gauss"}
    found = small_config(crystal=crystal, sampling={"mosaic_domains": DOMAINS, "phi_steps": 2})
    return replace(found, precision=precision)


def experiment(mosaicity_deg: float = 0.1, spread_percent: float = 0.2, precision: Precision = "double") -> Experiment:
    return prepare(config(mosaicity_deg, spread_percent, precision))


def test_the_crystal_carries_its_disorder_along() -> None:
    crystal = experiment().crystal
    turns = phi_rotations(crystal.spindle)
    found = np.asarray(orientations(crystal, turns)).reshape(2, DOMAINS, 3, 3)
    upright = replace(crystal.cell, orientation=jnp.eye(3), misset_rad=jnp.zeros(3))
    still = orientations(replace(crystal, cell=upright), jnp.eye(3)[None])
    whole = np.asarray(turns @ crystal.cell.misset @ crystal.cell.orientation)
    np.testing.assert_allclose(found, np.einsum("pij,mvj->pmvi", whole, still), rtol=1e-12, atol=1e-22)


def test_no_disorder_is_the_image_of_one_crystal() -> None:
    none = simulate(experiment(0.0, 0.0))
    plain = replace(experiment().crystal, disorder=None)
    wanted = np.asarray(simulate(replace(experiment(), crystals=(plain,))))
    assert residual(np.asarray(none), wanted) < 1e-12
    assert residual(np.asarray(simulate(experiment())), wanted) > 0.01


@pytest.mark.parametrize(("precision", "tolerance"), [("mixed", 1e-5), ("single", 5e-5)])
def test_other_precisions_show_the_same(precision: Precision, tolerance: float) -> None:
    wanted = np.asarray(simulate(experiment()))
    with jax.enable_x64(precision != "single"):
        found = np.asarray(simulate(experiment(precision=precision)))
    assert residual(found, wanted) < tolerance


def test_a_trace_shows_every_domain() -> None:
    pixels = jnp.array([[11, 9], [3, 4]])
    made = experiment()
    stages = trace(made, pixels, samples=True)
    assert stages.samples is not None
    assert stages.samples[0].lattice.shape[-2:] == (2, DOMAINS)
    np.testing.assert_allclose(stages.I_pixel_photons, simulate(made)[(11, 3), (9, 4)], rtol=1e-10)


@pytest.mark.parametrize("mosaicity_deg", [0.1, 0.0])
def test_gradients_are_those_of_differences(mosaicity_deg: float) -> None:
    start = experiment(mosaicity_deg, 2 * mosaicity_deg)
    weights = jnp.cos(jnp.arange(480.0).reshape(24, 20))

    @jax.jit
    def total(e: Experiment) -> jax.Array:
        return (weights * simulate(e)).sum()

    slopes = jax.jit(jax.grad(total))(start)
    scale = float(jnp.abs(weights * simulate(start)).sum())
    rng = np.random.default_rng(1)
    for name, step in zip(PLACES, (3e-6, 3e-6), strict=True):
        place = f"crystals.0.disorder.{name}"
        value = look_up(start, place)
        direction = rng.uniform(0.5, 1.0, jnp.shape(value))
        four = [float(total(put(start, place, value + n * step * direction))) for n in (-2, -1, 1, 2)]
        wanted = (8 * (four[2] - four[1]) - (four[3] - four[0])) / (12 * step)
        found = float((look_up(slopes, place) * direction).sum())
        # deviates of mean zero leave no slope where there is no disorder
        assert found == pytest.approx(wanted, rel=1e-5, abs=1e-6 * scale)
        moves = abs(wanted) > scale
        assert moves == (float(jnp.max(value)) > 0)
