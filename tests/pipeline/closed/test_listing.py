"""Listed spots against Gaussians that a plane cuts, and against every reflection there is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import null_space
from several_panels import alone, three_panels

import nbjax
from nbjax.config.tree import Beam, Config, Crystal, Detector, Sampling
from nbjax.experiment import CrystalParameters, Experiment
from nbjax.pipeline.closed.image import closed_scene, spots_of_all
from nbjax.pipeline.closed.listing import Listed
from nbjax.pipeline.closed.spread import BeamSpread, Lattice, covariance, upright
from nbjax.sampling.capacity import Capacity

LOWEST, SIZES = (-6, -5, -7), (13, 11, 14)
CAPACITY = Capacity(LOWEST, SIZES, 0.3e10, 400, 900, 300, 200, 1, ())
WAVELENGTH_M, DEPTH_M = 1.1e-10, 2e-3


def experiment(steps: int, range_deg: float) -> Experiment:
    made = nbjax.prepare(
        Config(
            Beam(wavelength_A=1.1, bandwidth_percent=0.3, channels=3),
            Crystal(
                cell_A=(30.0, 35.0, 40.0),
                cell_deg=(75.0, 85.0, 110.0),
                misset_deg=(10.0, 20.0, 30.0),
                cells=(20.0,) * 3,
                default_F=2.0,
                shape="gauss",
                interpolate=False,
                mosaicity_deg=0.2,
                phi_range_deg=1.0,
                phi_start_deg=12.0,
            ),
            Detector(pixel_mm=0.4, pixels_fast=60, pixels_slow=50, distance_mm=60.0),
            Sampling(oversample=1, phi_steps=2),
        )
    )
    spindle = replace(made.crystal.spindle, step_rad=jnp.radians(jnp.asarray(range_deg / steps)), steps=steps)
    made = made.with_crystal(replace(made.crystal, model="closed", spindle=spindle, capacity=CAPACITY))
    # pixels that are longer than wide, and rays that stop within the sensor
    panel = replace(made.panel, pixel_slow_m=jnp.asarray(0.6e-3), thickness_m=jnp.asarray(2 * DEPTH_M))
    return jax.tree.map(jnp.asarray, made.with_panel(panel))


@jax.jit
def _listed(made: Experiment) -> tuple[Any, ...]:
    """The spots, their number, whether there are too many, the scene and the spread of the beam."""
    alone, spread, scene = closed_scene(made)
    scene = replace(scene, rays=replace(scene.rays, depth=jnp.full_like(scene.rays.depth, 0.5)))
    return *spots_of_all(alone, scene, spread, made.crystal, CAPACITY), scene, spread


@jax.jit
def _smeared(crystal: CrystalParameters, spread: BeamSpread, hkl: jax.Array, angles: jax.Array) -> tuple[Any, Any]:
    """Lattice and covariance of each reflection at an angle."""

    def of_one(index: jax.Array, angle: jax.Array) -> tuple[Lattice, jax.Array]:
        lattice = upright(crystal).at(angle)
        return lattice, covariance(lattice, spread, jnp.asarray(WAVELENGTH_M), index)

    return jax.vmap(of_one)(hkl, angles)


def meets(panel: Any, sizes_m: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """(fast, slow) in pixels where a ray reaches the depth."""
    axes = np.stack([panel.fast, panel.slow, -direction], 1)
    fast_m, slow_m, _ = np.linalg.solve(axes, -(panel.origin_m + DEPTH_M * panel.normal))
    return np.array([fast_m, slow_m]) / sizes_m


def on_plane(smear: np.ndarray, normal: np.ndarray, error: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of what of a Gaussian lies on a plane at a distance."""
    plane = null_space(normal[None])
    precision = np.linalg.inv(smear)
    within = np.linalg.inv(plane.T @ precision @ plane)
    # the lowest point of the exponent on the plane
    mean = -error * normal + plane @ (within @ (plane.T @ precision @ normal)) * error
    return mean, plane @ within @ plane.T


@pytest.mark.parametrize("range_deg", [0.0, 0.4, -0.4, 8.0])
def test_spots_are_gaussians_on_a_plane(range_deg: float) -> None:
    made = experiment(1 if range_deg == 0 else 10, range_deg)
    listed, count, many, scene, spread = jax.tree.map(np.asarray, _listed(made))
    assert not many
    number, turn = int(count.seen[0]), np.radians(range_deg)
    spots: Listed = jax.tree.map(lambda leaf: leaf[0][:number], listed)
    lattices, smears = jax.tree.map(np.asarray, _smeared(made.crystal, spread, spots.hkl, spots.passage.angle_rad))
    incident, panel = scene.rays.incident[0], scene.panel
    sizes_m = np.array([0.4e-3, 0.6e-3])
    assert number > 5
    for i, hkl in enumerate(spots.hkl):
        star, ball = hkl @ lattices.stars[i], 1 / WAVELENGTH_M
        leaving = incident * ball + star
        normal, error = leaving / np.linalg.norm(leaving), np.linalg.norm(leaving) - ball
        assert spots.excitation_per_m[i] == pytest.approx(error, abs=1e-5)
        moved, _ = on_plane(smears[i], normal, error)
        middle = leaving + moved
        direction = middle / np.linalg.norm(middle)
        np.testing.assert_allclose(spots.diffracted[i], direction, atol=1e-12)
        np.testing.assert_allclose(spots.centre[i], meets(panel, sizes_m, direction), atol=1e-8)
        # a rotation smears by what it shows, a part of it or as much as the spot lets through
        along = np.cross(lattices.axis[i], star)
        width = spots.passage.end_rad[i] - spots.passage.start_rad[i]
        variance = min(width**2 / 12, 10 * (normal @ smears[i] @ normal) / max(abs(normal @ along), 1e-30) ** 2)
        _, across = on_plane(smears[i] + variance * np.outer(along, along), normal, error)
        steps = 1e-6 * np.eye(3)
        slopes = np.stack(
            [(meets(panel, sizes_m, direction + s) - meets(panel, sizes_m, direction - s)) for s in steps], 1
        )
        wanted = slopes @ across @ slopes.T * WAVELENGTH_M**2 / (2e-6) ** 2
        np.testing.assert_allclose(spots.covariance[i], wanted, rtol=1e-6, atol=1e-7 * np.trace(wanted))
        # an arc leaves its chord by half of the square of the angle, times its radius
        reach = np.sqrt(np.linalg.norm(lattices.turns[i]) + variance)
        away = (panel.origin_m + DEPTH_M * panel.normal) @ panel.normal / (direction @ panel.normal)
        radius = away / sizes_m.min() * np.linalg.norm(direction - incident)
        assert spots.arc[i] == pytest.approx(0.5 * (CAPACITY.cut * reach) ** 2 * radius, rel=1e-9)
    assert width <= abs(turn) * (1 + 1e-9)
    assert (spots.panel == 0).all()
    assert (spots.ray == 0).all()


# of a wide crystal many spots reach onto the panel from beside it
@pytest.mark.parametrize(("range_deg", "wider"), [(0.0, 1.0), (0.0, 4.0), (2.0, 1.0)])
def test_no_spot_is_left_out(range_deg: float, wider: float) -> None:
    steps = 1 if range_deg == 0 else 10
    made = experiment(steps, range_deg)
    disorder = made.crystal.disorder
    assert disorder is not None
    disorder = replace(disorder, mosaicity_rad=wider * disorder.mosaicity_rad)
    made = made.with_crystal(replace(made.crystal, disorder=disorder))
    listed, count, many, scene, spread = jax.tree.map(np.asarray, _listed(made))
    assert not many
    number = int(count.seen[0])
    found = {tuple(hkl) for hkl in listed.hkl[0][:number].astype(int)}
    box = np.stack(
        np.meshgrid(*(low + np.arange(size) for low, size in zip(LOWEST, SIZES, strict=True)), indexing="ij")
    )
    box = box.reshape(3, -1).T.astype(float)
    ball, sizes_m, wanted, excited = 1 / WAVELENGTH_M, np.array([0.4e-3, 0.6e-3]), set(), set()
    for angle in np.radians(12 + np.linspace(0, range_deg, 1 if steps == 1 else 9)):
        lattices, smears = jax.tree.map(
            np.asarray, _smeared(made.crystal, spread, jnp.asarray(box), jnp.full(len(box), angle))
        )
        leaving = scene.rays.incident[0] * ball + np.einsum("hi,hij->hj", box, lattices.stars)
        lengths = np.linalg.norm(leaving, axis=1)
        directions = leaving / lengths[:, None]
        sigmas = np.sqrt(np.einsum("hi,hij,hj->h", directions, smears, directions))
        near = np.abs(lengths - ball) <= CAPACITY.cut * sigmas
        excited |= {tuple(box[i].astype(int)) for i in np.flatnonzero(near)}
        for i in np.flatnonzero(near & (directions @ scene.panel.normal > 0.2)):
            at = meets(scene.panel, sizes_m, directions[i])
            # those whose middle is on the panel, or some of its standard deviations beside it
            across, steps = on_plane(smears[i], directions[i], 0.0)[1], 1e-5 * np.eye(3)
            moves = [meets(scene.panel, sizes_m, directions[i] + s) - at for s in steps]
            slopes = np.stack(moves, 1) / 1e-5 * WAVELENGTH_M
            beside = 4 * np.sqrt(np.diag(slopes @ across @ slopes.T)) * (wider > 1)
            if (at > -beside).all() and (at < np.array([60, 50]) + beside).all():
                wanted.add(tuple(box[i].astype(int)))
    assert len(wanted) > 5
    assert wanted <= found
    assert len(found) <= 1.5 * len(wanted) + 12
    assert number <= int(count.excited[0]) <= 1.3 * len(excited)


def test_each_of_several_panels_has_the_spots_that_it_has_alone() -> None:
    made = experiment(1, 0.0)
    listed, count, _, _, _ = jax.tree.map(np.asarray, _listed(three_panels(made)))
    number = int(count.seen[0])
    own: Listed = jax.tree.map(lambda leaf: leaf[0][:number], listed)
    for which in range(3):
        single, seen, *_ = jax.tree.map(np.asarray, _listed(alone(made, which)))
        here = own.panel == which
        assert here.sum() == int(seen.seen[0]) > 3
        for name in ("hkl", "centre", "covariance", "arc", "diffracted", "excitation_per_m"):
            wanted = getattr(single, name)[0][: here.sum()]
            np.testing.assert_allclose(getattr(own, name)[here], wanted, rtol=1e-9, atol=1e-9 * np.abs(wanted).max())
