"""Groups of panels move rigidly, the smaller inside the larger, as by independent NumPy."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
from cases import small_config
from several_panels import CHAINS, alone, three_panels

from nbjax import prepare
from nbjax.geometry.detector import place_detector

MOTION = np.random.default_rng(3).normal(size=(5, 6)) * [1e-3, 1e-3, 1e-3, 0.05, 0.05, 0.05]
CENTRES_M = np.random.default_rng(4).normal(size=(5, 3)) * 0.05


def _about_xyz(angles: np.ndarray) -> np.ndarray:
    (cx, cy, cz), (sx, sy, sz) = np.cos(angles), np.sin(angles)
    x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return np.asarray(z @ y @ x)


def test_panels_move_with_their_groups() -> None:
    experiment = prepare(small_config())
    several = three_panels(experiment, MOTION)
    assert several.detector.groups is not None
    detector = replace(several.detector, groups=replace(several.detector.groups, centre_m=jnp.asarray(CENTRES_M)))
    placed = jax.tree.map(np.asarray, jax.jit(place_detector)(detector, experiment.beam.direction))
    for number in range(3):
        still = place_detector(alone(experiment, number).detector, experiment.beam.direction)
        origin, fast, slow, normal = (np.asarray(x) for x in (still.origin_m, still.fast, still.slow, still.normal))
        for group in reversed(CHAINS[number]):
            turn = _about_xyz(MOTION[group, 3:])
            origin = turn @ (origin - CENTRES_M[group]) + CENTRES_M[group] + MOTION[group, :3]
            fast, slow, normal = turn @ fast, turn @ slow, turn @ normal
        np.testing.assert_allclose(placed.origin_m[number], origin, atol=1e-15)
        np.testing.assert_allclose(placed.fast[number], fast, atol=1e-14)
        np.testing.assert_allclose(placed.slow[number], slow, atol=1e-14)
        beam = np.asarray(experiment.beam.direction)
        distance = origin @ normal / (beam @ normal)
        hit = distance * beam - origin
        np.testing.assert_allclose(placed.distance_m[number], distance, rtol=1e-12)
        np.testing.assert_allclose(placed.close_distance_m[number], origin @ normal, rtol=1e-12)
        np.testing.assert_allclose(placed.beam_centre_m[number], [fast @ hit, slow @ hit], atol=1e-14)
        np.testing.assert_allclose(placed.near_point_m[number], [-fast @ origin, -slow @ origin], atol=1e-14)
