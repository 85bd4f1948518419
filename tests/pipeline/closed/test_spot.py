"""What a spot is made of, by its formulas."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import nbjax
from nbjax.config.tree import Beam, Config, Crystal, Detector, Sampling
from nbjax.experiment import CrystalParameters, Experiment
from nbjax.numerics import components
from nbjax.pipeline.closed.crossing import Passage
from nbjax.pipeline.closed.spot import Around, Spot, _likeliest, spot_of
from nbjax.pipeline.closed.spread import BeamSpread, Lattice, covariance, lattice_at
from nbjax.pipeline.scene import RayTable, build_scene

HKL = np.array([3.0, -2.0, 4.0])
CELLS, AMPLITUDE, FUDGE = (12.0, 15.0, 9.0), 30.0, 0.8
WAVELENGTH_M = 1.1e-10


def experiment() -> Experiment:
    made = nbjax.prepare(
        Config(
            Beam(wavelength_A=WAVELENGTH_M * 1e10),
            Crystal(
                cell_A=(40.0, 50.0, 60.0),
                cell_deg=(75.0, 85.0, 110.0),
                misset_deg=(10.0, 20.0, 30.0),
                cells=CELLS,
                fudge=FUDGE,
                default_F=AMPLITUDE,
                shape="gauss",
                interpolate=False,
                mosaicity_axes_deg=(0.1, 0.2, 0.3),
                cell_spread_percent=0.4,
            ),
            Detector(pixel_mm=1.0, pixels_fast=8, pixels_slow=8, distance_mm=100.0),
            Sampling(oversample=1),
        )
    )
    return jax.tree.map(jnp.asarray, made.with_crystal(replace(made.crystal, model="closed")))


def beam_spread() -> BeamSpread:
    root = 1e-3 * np.random.default_rng(4).normal(size=(3, 3))
    return BeamSpread(jnp.asarray(root @ root.T), jnp.asarray(4e-6))


@jax.jit
def _spot(crystal: CrystalParameters, ray: RayTable, passage: Passage) -> tuple[Spot, Lattice, jax.Array]:
    spread, hkl = beam_spread(), jnp.asarray(HKL)
    lattice = lattice_at(crystal, passage.angle_rad)
    smear = covariance(lattice, spread, ray.wavelength_m, hkl)
    return spot_of(crystal, crystal.factors, spread, ray.incident, ray.wavelength_m, hkl, passage), lattice, smear


def made_of(step_rad: float, steps: int) -> tuple[Any, ...]:
    """A spot with its lattice and its covariance, and the ray."""
    one = experiment()
    spindle = replace(one.crystal.spindle, start_rad=jnp.asarray(0.2), step_rad=jnp.asarray(step_rad), steps=steps)
    ray = jax.tree.map(lambda leaf: leaf[0], jax.jit(lambda e: build_scene(e).rays)(one))
    ends = (0.2, 0.2, 0.2) if steps == 1 else (0.2, 0.3, 0.2)
    return *_spot(replace(one.crystal, spindle=spindle), ray, Passage(*map(jnp.asarray, ends))), ray


@pytest.mark.parametrize(("step_rad", "steps"), [(0.0, 1), (-0.1, 2), (0.05, 4)])
def test_a_spot_holds_the_photons_of_its_cells(step_rad: float, steps: int) -> None:
    spot, lattice, smear, _ = jax.tree.map(np.asarray, made_of(step_rad, steps))
    star = HKL @ lattice.stars
    np.testing.assert_allclose(spot.star, star, rtol=1e-12)
    np.testing.assert_allclose(spot.inverse @ smear, np.eye(3), atol=1e-9)
    np.testing.assert_allclose(spot.turned, np.cross(lattice.axis, star), rtol=1e-12, atol=1e-3)
    np.testing.assert_allclose(spot.stars @ spot.direct.T, np.eye(3), atol=1e-12)
    np.testing.assert_array_equal(spot.index, HKL)
    np.testing.assert_allclose(spot.turns, lattice.turns, rtol=1e-12)
    # over reciprocal space the squared lattice factor adds up to the number of cells, over the volume of one
    whole = float(spot.height) * np.sqrt((2 * np.pi) ** 3 * np.linalg.det(smear))
    volume = np.linalg.det(np.asarray(lattice.stars))
    exposure = abs(step_rad) * steps if steps > 1 else 1.0
    assert whole * exposure == pytest.approx(AMPLITUDE**2 * np.prod(CELLS) * volume, rel=1e-9)
    width = 0.1 if steps > 1 else 0.0
    assert (float(spot.before_rad), float(spot.after_rad)) == pytest.approx((0.0, width), abs=1e-12)


@pytest.mark.parametrize("far", [1.0, 250.0])
def test_x_is_taken_at_the_likeliest_causes(far: float) -> None:
    """About a spot, and so far from it that domains have turned by a third of a radian."""
    spot, lattice, smear, ray = made_of(0.0, 1)
    spread = beam_spread()
    root = np.linalg.cholesky(np.asarray(smear))
    off = far * (root @ np.random.default_rng(7).normal(size=(3, 4))).T
    pulled = off @ np.linalg.inv(np.asarray(smear))
    q = np.asarray(spot.star) + off
    around = Around(spread, lattice.cell_spread, None)

    def at(q: jax.Array, pulled: jax.Array) -> jax.Array:
        return jnp.stack(_likeliest(spot, around, ray, components(q), components(pulled), jnp.zeros(len(q))), -1)

    found = np.asarray(jax.jit(at)(jnp.asarray(q), jnp.asarray(pulled)))
    star, stars, direct = (np.asarray(of) for of in (spot.star, spot.stars, spot.direct))
    largest = 0.0
    for number, p in enumerate(pulled):
        turn = np.asarray(lattice.turns) @ np.cross(star, p)
        wave = float(spread.bandwidth) * (star @ p)
        tilt = np.asarray(spread.directions) @ p / WAVELENGTH_M**2
        lengths = float(lattice.cell_spread) ** 2 * HKL * (stars @ p)
        # q as the domain has it that is turned, in another wavelength and direction
        seen = q[number] - tilt + 0.5 * WAVELENGTH_M * (tilt @ tilt) * np.asarray(ray.incident)
        seen = Rotation.from_rotvec(-turn).apply(seen / (1 + wave))
        stretched = (lengths * (HKL - direct @ seen)) @ stars
        wanted = seen - star + np.cross(turn, star) + tilt + wave * star + stretched
        np.testing.assert_allclose(found[number], wanted, rtol=0, atol=1e-9 * np.abs(off[number]).max())
        assert np.linalg.norm(wanted - off[number]) > 1e-4 * np.linalg.norm(off[number])
        largest = max(largest, float(np.linalg.norm(turn)))
    assert largest > 1e-3 * far
