"""The search of reciprocal space finds whatever comes near the sphere, and little else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nbjax
from nbjax.config.tree import Beam, Config, Crystal, Detector, Sampling
from nbjax.experiment import CrystalParameters, Experiment
from nbjax.geometry.goniometer import Spindle
from nbjax.physics.structure_factor import StructureFactors
from nbjax.pipeline.closed.search import all_near, near_reflections, places_of, window_angles
from nbjax.pipeline.closed.spread import BeamSpread, upright, variance_along
from nbjax.pipeline.scene import RayTable, build_scene
from nbjax.sampling.capacity import Capacity

LOWEST, SIZES = (-6, -5, -7), (13, 11, 14)
LONGEST_PER_M = 0.25e10


def experiment(**crystal: Any) -> Experiment:
    given = {"cell_A": (30.0, 35.0, 40.0), "cell_deg": (75.0, 85.0, 110.0), "misset_deg": (10.0, 20.0, 30.0), **crystal}
    made = nbjax.prepare(
        Config(
            Beam(wavelength_A=1.1),
            Crystal(cells=(20.0,) * 3, default_F=2.0, shape="gauss", interpolate=False, **given),
            Detector(pixel_mm=1.0, pixels_fast=8, pixels_slow=8, distance_mm=50.0),
            Sampling(oversample=1),
        )
    )
    return jax.tree.map(jnp.asarray, made.with_crystal(replace(made.crystal, model="closed")))


NARROW = {"mosaicity_deg": 0.0, "cell_spread_percent": 0.0}
WIDE = {"mosaicity_deg": 0.3, "cell_spread_percent": 0.3}
CASES: dict[str, tuple[dict[str, Any], float, float, float]] = {
    "a still": (NARROW, 0.0, 0.0, 1.2),
    "a wide still": (WIDE, 0.0, 1e-3, 1.3),
    "a rotation": (NARROW, 3.0, 0.0, 2.0),
    "a wide rotation backwards": (WIDE, -2.0, 1e-3, 2.0),
}
"""A crystal, the rotation in degrees, the spread of the beam, and how many times as many may be found."""


@jax.jit
def _found(crystal: CrystalParameters, rays: RayTable, spread: BeamSpread) -> tuple[jax.Array, ...]:
    assert crystal.capacity is not None
    return near_reflections(crystal, rays, spread, crystal.capacity)


@jax.jit
def _excited(
    crystal: CrystalParameters, rays: RayTable, spread: BeamSpread, hkl: jax.Array, angles: jax.Array
) -> tuple:
    """Of reflections in each source at some angles: the error over its standard deviation, and the length of G."""

    def of_one(ray: RayTable, index: jax.Array, angle: jax.Array) -> tuple[jax.Array, jax.Array]:
        lattice = upright(crystal).at(angle)
        leaving = ray.incident / ray.wavelength_m + index @ lattice.stars
        length = jnp.linalg.norm(leaving)
        variance = variance_along(lattice, spread, ray.wavelength_m, index, leaving / length)
        return (length - 1 / ray.wavelength_m) / jnp.sqrt(variance), jnp.linalg.norm(index @ lattice.stars)

    return jax.vmap(lambda ray: jax.vmap(lambda i: jax.vmap(lambda at: of_one(ray, i, at))(angles))(hkl))(rays)


@pytest.mark.parametrize("name", CASES)
def test_whatever_comes_near_is_found(name: str) -> None:
    given, range_deg, width, factor = CASES[name]
    made = experiment(**given)
    steps = 1 if range_deg == 0 else 10
    spindle = replace(made.crystal.spindle, step_rad=jnp.radians(jnp.asarray(range_deg / 10)), steps=steps)
    capacity = Capacity(LOWEST, SIZES, LONGEST_PER_M, 500, 4000, 1, 1, 1, ())
    crystal = replace(made.crystal, spindle=spindle, capacity=capacity)
    ray = jax.jit(lambda e: build_scene(e).rays)(made)
    # two sources that differ in all that they may
    off = jnp.array([[0.0, width, -width], [0.0, -width, 2 * width]])
    rays = RayTable(
        *(jnp.repeat(leaf, 2) for leaf in (ray.number, ray.layer, ray.depth, ray.slow_offset, ray.fast_offset)),
        incident=(ray.incident + off) / jnp.linalg.norm(ray.incident + off, axis=1, keepdims=True),
        wavelength_m=ray.wavelength_m * (1 + jnp.array([width, -width])),
        weight=jnp.full(2, 0.5),
    )
    spread = BeamSpread(width**2 * jnp.eye(3), jnp.asarray(width**2))
    hkl, count, blocks = _found(crystal, rays, spread)
    assert 1 < int(blocks) < 500
    found = {tuple(index) for index in np.asarray(hkl[: int(count)]).astype(int)}
    every, searched = all_near(crystal, rays, spread, (LOWEST, SIZES), LONGEST_PER_M)
    assert (len(every), searched) == (int(count), int(blocks))
    assert {tuple(index) for index in every} == found
    box = np.stack(
        np.meshgrid(*(low + np.arange(size) for low, size in zip(LOWEST, SIZES, strict=True)), indexing="ij")
    )
    box = box.reshape(3, -1).T.astype(float)
    angles = jnp.linspace(0, np.radians(range_deg), 15)
    # of any number of steps, so that one program will do
    turning = replace(crystal, capacity=None, spindle=replace(spindle, steps=2))
    sigmas, lengths = map(np.asarray, _excited(turning, rays, spread, jnp.asarray(box), angles))
    shown = (lengths[0, :, 0] <= LONGEST_PER_M) & (np.abs(sigmas) <= capacity.cut).any((0, 2))
    wanted = {tuple(index) for index in box[shown].astype(int)}
    assert len(wanted) > 20
    assert wanted <= found
    assert len(found) <= factor * len(wanted) + 6
    # none is far beyond what the detector shows
    stars = np.asarray(jax.jit(lambda angle: upright(crystal).at(angle))(angles[0]).stars)
    assert np.linalg.norm(np.array(list(found)) @ stars, axis=1).max() < 1.1 * LONGEST_PER_M


def test_what_has_no_amplitude_is_not_looked_at() -> None:
    made = experiment()
    capacity = Capacity(LOWEST, SIZES, LONGEST_PER_M, 500, 4000, 1, 1, 1, ())
    values = jnp.zeros(SIZES).at[::2].set(1.0)
    table = StructureFactors(values, jnp.zeros(()), LOWEST)
    rays = jax.jit(lambda e: build_scene(e).rays)(made)
    nothing = BeamSpread(jnp.zeros((3, 3)), jnp.zeros(()))
    whole, half = (
        _found(replace(made.crystal, factors=factors, capacity=capacity), rays, nothing)
        for factors in (made.crystal.factors, table)
    )
    of_whole, of_half = ({tuple(i) for i in np.asarray(hkl[: int(n)]).astype(int)} for hkl, n, _ in (whole, half))
    assert of_half == {index for index in of_whole if (index[0] - LOWEST[0]) % 2 == 0}


def test_places_of_a_mask() -> None:
    mask = jnp.array([False, True, True, False, True])
    found, count = places_of(mask, 4)
    assert (found[:3].tolist(), int(count)) == ([1, 2, 4], 3)
    found, count = places_of(mask, 2)
    assert (found.tolist(), int(count)) == ([1, 2], 3)


def test_windows_are_equal_parts_that_rise() -> None:
    crystal = experiment().crystal

    def windows(step: float, steps: int, count: int) -> np.ndarray:
        spindle = Spindle(crystal.spindle.axis, jnp.asarray(0.5), jnp.asarray(step), steps)
        return np.asarray(window_angles(replace(crystal, spindle=spindle), count))

    np.testing.assert_allclose(windows(0.1, 6, 3), [[0.5, 0.7], [0.7, 0.9], [0.9, 1.1]], rtol=1e-14)
    np.testing.assert_allclose(windows(-0.1, 2, 2), [[0.4, 0.5], [0.3, 0.4]], rtol=1e-14)
    np.testing.assert_array_equal(windows(0.1, 1, 1), [[0.5, 0.5]])
