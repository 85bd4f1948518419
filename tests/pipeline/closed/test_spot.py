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
from nbjax.pipeline.closed.spot import Around, Spot, _along_rotation, _length, _likeliest, exposed_of, shown, spot_of
from nbjax.pipeline.closed.spread import BeamSpread, Lattice, covariance, upright
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
    lattice = upright(crystal).at(passage.angle_rad)
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


def likeliest(parts: tuple[Any, ...], q: np.ndarray, pulled: np.ndarray, along: np.ndarray) -> np.ndarray:
    """X at one point for p = S^-1 x, and a turn of the spindle."""
    (spot, lattice, _, ray), spread = parts, beam_spread()
    star, stars, direct = (np.asarray(of) for of in (spot.star, spot.stars, spot.direct))
    own = np.asarray(lattice.turns) @ np.cross(star, pulled)
    wave = float(spread.bandwidth) * (star @ pulled)
    tilt = np.asarray(spread.directions) @ pulled / WAVELENGTH_M**2
    lengths = float(lattice.cell_spread) ** 2 * HKL * (stars @ pulled)
    # q as the domain has it that is turned, in another wavelength and direction
    seen = q - tilt + 0.5 * WAVELENGTH_M * (tilt @ tilt) * np.asarray(ray.incident)
    seen = Rotation.from_rotvec(-(own + along - 0.5 * np.cross(own, along))).apply(seen / (1 + wave))
    stretched = (lengths * (HKL - direct @ seen)) @ stars
    return seen - star + np.cross(own, star) + tilt + wave * star + stretched


def points(smear: jax.Array, star: jax.Array, far: float) -> tuple[np.ndarray, np.ndarray]:
    """Four points about a spot, and their p."""
    off = far * (np.linalg.cholesky(np.asarray(smear)) @ np.random.default_rng(7).normal(size=(3, 4))).T
    return np.asarray(star) + off, off @ np.linalg.inv(np.asarray(smear))


@pytest.mark.parametrize("far", [1.0, 250.0])
def test_x_is_taken_at_the_likeliest_causes(far: float) -> None:
    """About a spot, and so far from it that domains have turned by a third of a radian."""
    parts = made_of(0.0, 1)
    spot, lattice, smear, ray = parts
    q, pulled = points(smear, spot.star, far)
    around = Around(beam_spread(), lattice.cell_spread, None)

    def at(q: jax.Array, pulled: jax.Array) -> jax.Array:
        return jnp.stack(_likeliest(spot, around, ray, components(q), components(pulled), jnp.zeros(len(q))), -1)

    found = np.asarray(jax.jit(at)(jnp.asarray(q), jnp.asarray(pulled)))
    largest = 0.0
    for number, (p, place) in enumerate(zip(pulled, q, strict=True)):
        off = place - np.asarray(spot.star)
        wanted = likeliest(parts, place, p, np.zeros(3))
        np.testing.assert_allclose(found[number], wanted, rtol=0, atol=1e-9 * np.abs(off).max())
        assert np.linalg.norm(wanted - off) > 1e-4 * np.linalg.norm(off)
        largest = max(largest, float(np.linalg.norm(np.asarray(lattice.turns) @ np.cross(spot.star, p))))
    assert largest > 1e-3 * far


def test_along_a_rotation_a_point_sees_a_parabola_near_its_best_angle() -> None:
    parts = made_of(-0.1, 2)
    spot, lattice, smear, ray = parts
    spread, axis = beam_spread(), np.asarray(lattice.axis)
    q, _ = points(smear, spot.star, 1.5)
    width = 2e-3
    spot = replace(spot, before_rad=jnp.asarray(-0.0005), after_rad=jnp.asarray(-0.0005 + width))
    around = Around(spread, lattice.cell_spread, lattice.axis)
    along = jax.jit(lambda spot, q: _along_rotation(spot, around, ray, components(q)))
    found = np.stack([np.asarray(part) for part in along(spot, jnp.asarray(q))], -1)
    inverse = np.linalg.inv(np.asarray(smear))

    def of_directions(angle: float) -> float:
        """What the directions of the beam, which stay behind, make of the logarithm of the height."""
        turn = Rotation.from_rotvec(angle * axis).as_matrix()
        own = np.asarray(spread.directions) / WAVELENGTH_M**2
        return 0.5 * np.linalg.slogdet(inverse @ (np.asarray(smear) - own + turn.T @ own @ turn))[1]

    drift = (of_directions(1e-5) - of_directions(-1e-5)) / 2e-5
    assert abs(drift) > 1e-3

    def exponent(place: np.ndarray, angle: float) -> float:
        off = place - np.asarray(spot.star) - angle * np.asarray(spot.turned)
        pulled = inverse @ likeliest(parts, place, inverse @ off, angle * axis)
        return 0.5 * pulled @ np.asarray(smear) @ pulled - np.asarray(spot.lever) @ pulled + drift * angle

    turned = np.asarray(spot.turned)
    stiffness = turned @ inverse @ turned
    step = 1 / np.sqrt(stiffness + 1 / width**2)
    for place, (middle, near, slope, bend) in zip(q, found, strict=True):
        low, mid, high = (exponent(place, near + way * step) for way in (-1, 0, 1))
        np.testing.assert_allclose([middle, slope], [mid, (high - low) / (2 * step)], rtol=1e-6, atol=1e-6)
        assert bend == pytest.approx((high - 2 * mid + low) / step**2, rel=1e-5)
    # near the best angle where it is in the part, near the middle of a part that is much narrower
    best = (q - np.asarray(spot.star)) @ inverse @ turned / stiffness
    for half, wanted in ((20.0, best), (1e-7, np.full(4, 0.1))):
        ends = {"before_rad": jnp.asarray(wanted.mean() - half), "after_rad": jnp.asarray(wanted.mean() + half)}
        near = along(replace(spot, **ends), jnp.asarray(q))[1]
        np.testing.assert_allclose(near, wanted, rtol=0, atol=1e-3 * np.abs(best).max())


@pytest.mark.parametrize("rotates", [False, True])
def test_the_photons_of_a_point_differ_in_the_length_of_q(rotates: bool) -> None:
    """Drawn wavelengths and directions, among what moves the crystal, by their regression on where they are seen."""
    parts = made_of(-0.1, 2) if rotates else made_of(0.0, 1)
    (spot, lattice, smear, ray), spread = parts, beam_spread()
    star, rng, count = np.asarray(spot.star), np.random.default_rng(3), 40_000
    of_beam = float(spread.bandwidth) * np.outer(star, star) + np.asarray(spread.directions) / WAVELENGTH_M**2
    # small enough for moves to be linear
    shrink = 1e-2
    wave = shrink * np.sqrt(float(spread.bandwidth)) * rng.normal(size=count)
    tilt = shrink * rng.multivariate_normal(np.zeros(3), np.asarray(spread.directions), count) / WAVELENGTH_M
    rest = shrink * rng.multivariate_normal(np.zeros(3), np.asarray(smear) - of_beam, count)
    x = wave[:, None] * star + tilt + rest
    if rotates:
        x += 0.01 * rng.normal(size=count)[:, None] * np.asarray(spot.turned)
    around = Around(spread, lattice.cell_spread, lattice.axis if rotates else None)
    mean, variance = jax.jit(lambda q: _length(spot, around, ray, components(q)))(jnp.asarray(star + x))
    off = (np.linalg.norm(star + x - tilt, axis=1) / (1 + wave) - np.asarray(mean)) / shrink
    assert off.var() == pytest.approx(float(variance), rel=0.03)
    assert 0.05 * (star @ of_beam @ star) < float(variance) * (star @ star) < 0.95 * (star @ of_beam @ star)
    # nothing is left that the place tells
    assert abs(off.mean()) < 5 * off.std() / np.sqrt(count)
    correlations = [np.corrcoef(off, x[:, axis])[0, 1] for axis in range(3)]
    assert np.abs(correlations).max() < 5 / np.sqrt(count)


def narrow_spot(before: float, after: float, stiffness: float) -> Spot:
    """With nothing but what the integral over a rotation asks for."""
    spot = made_of(-0.1, 2)[0]
    turned, inverse = jnp.array([0.0, 3.0, 0.0]), jnp.diag(jnp.array([1.0, stiffness / 9, 1.0]))
    ends = {"before_rad": jnp.asarray(before), "after_rad": jnp.asarray(after)}
    return replace(spot, turned=turned, inverse=inverse, **ends)


_shown = jax.jit(lambda spot, *parabola: shown(exposed_of(spot), *parabola))


def test_a_parabola_is_integrated_over_its_part_of_the_rotation() -> None:
    before, after, stiffness = -0.3, 0.5, 40.0
    spot = narrow_spot(before, after, stiffness)
    nodes, weights = np.polynomial.legendre.leggauss(60)
    angles = 0.5 * (before + after) + 0.5 * (after - before) * nodes
    # bent at least as much as a tenth of the stiffness, and not far from the best angle
    for exponent, angle, slope, bend in (
        (0.0, 0.0, 0.0, 40.0),
        (1.3, 0.2, 2.0, 33.0),
        (0.4, -0.5, -5.0, 55.0),
        (3.0, 0.1, 1.0, 4.001),
    ):
        away = angles - angle
        wanted = 0.5 * (after - before) * weights @ np.exp(-exponent - slope * away - 0.5 * bend * away**2)
        assert float(_shown(spot, *map(jnp.asarray, (exponent, angle, slope, bend)))) == pytest.approx(wanted, rel=1e-9)


def test_what_is_hardly_bent_is_bent_a_little_about_the_middle_of_its_part() -> None:
    nodes, weights = np.polynomial.legendre.leggauss(40)
    # by a tenth of the stiffness, by what hardly shows, and so that a steep slope ends eight below zero
    cases = (40.0, 0.7, 0.0, 1.0, 4.0), (1e-3, 0.7, 0.0, 0.1, 0.03 / 0.2**2), (1e-3, 2.0, 30.0, 0.5, 0.5 * 30**2 / 10)
    for stiffness, exponent, slope, bend, kept in cases:
        spot = narrow_spot(-0.1, 0.1, stiffness)
        found = float(_shown(spot, *map(jnp.asarray, (exponent, 0.0, slope, bend))))
        away = 0.1 * nodes
        # with the mean over the part that the given parabola has
        bent = exponent + slope * away + 0.5 * kept * away**2 - (kept - bend) * 0.2**2 / 24
        assert found == pytest.approx(0.1 * weights @ np.exp(-bent), rel=1e-8)
