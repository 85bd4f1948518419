"""Room for closed crystals in fits: renewed where the parameters have moved, and boxes about their spots."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np

import nbjax
from nbjax.config.tree import Beam, Config, Crystal, Detector
from nbjax.experiment import Experiment
from nbjax.fit.equations import Theta
from nbjax.fit.observation import boxes
from nbjax.fit.parameter_set import Free
from nbjax.fit.problem import problem
from nbjax.fit.room import with_room, with_room_at
from nbjax.fit.stages import Stage


@cache
def experiment() -> Experiment:
    with jax.enable_x64(True):
        return nbjax.prepare(
            Config(
                Beam(wavelength_A=1.0),
                Crystal(
                    model="closed", cell_A=(25.0, 30.0, 35.0), cells=(8.0,) * 3, default_F=100.0, mosaicity_deg=0.2
                ),
                Detector(pixel_mm=0.4, pixels_fast=64, pixels_slow=64, distance_mm=80.0),
            )
        )


def test_room_is_renewed_where_the_detector_came_nearer() -> None:
    with jax.enable_x64(True):
        image = np.random.default_rng(1).poisson(5.0, (64, 64)).astype(float)
        stage = Stage()
        posed = problem([experiment()], [image], [Free("detector.distance_mm")], [stage], background="none")
        shots, focus, alive = posed.shots, posed.focus(stage), np.ones(1, bool)
        assert with_room_at(focus, shots, posed.starts, alive).experiments.crystals == shots.experiments.crystals
        steps = jnp.asarray([[-0.15]]) * shots.own.start / shots.own.scale
        nearer = Theta(posed.starts.shared, steps)
        moved = with_room_at(focus, shots, nearer, alive)
        # what counts for nothing needs no room
        assert with_room_at(focus, shots, nearer, ~alive) is shots
    before, after = (of.experiments.crystal.capacity for of in (shots, moved))
    assert after.longest_per_m > 1.05 * before.longest_per_m
    assert after.seen >= before.seen


def test_shots_share_room() -> None:
    with jax.enable_x64(True):
        nearer = nbjax.put(experiment(), "detector.panels.distance_m", jnp.asarray(0.06))
        shared = with_room([experiment(), nearer, nearer])
        assert len({one.crystal.capacity for one in shared}) == 1
        (alone,) = with_room([nearer])
    both, own = shared[0].crystal.capacity, alone.crystal.capacity
    assert both.longest_per_m == own.longest_per_m
    assert both.seen >= own.seen
    sampled = experiment().with_crystal(replace(experiment().crystal, model="sampled"))
    assert with_room([sampled, nearer])[1] is nearer


def test_boxes_of_closed_crystals_are_about_the_spots_that_are_predicted() -> None:
    with jax.enable_x64(True):
        spots = jax.tree.map(np.asarray, nbjax.predict(experiment()))
        found = boxes(experiment(), 2, 3.0)
        (most,) = np.argwhere(boxes(experiment(), 0, 3.0, most=1))
    at = np.floor(spots.centre).astype(int)
    on = ((at >= 0) & (at < 64)).all(1)
    assert found[at[on, 1], at[on, 0]].all()
    expected = np.zeros((64, 64), bool)
    for fast, slow in at[on]:
        expected[max(slow - 2, 0) : slow + 3, max(fast - 2, 0) : fast + 3] = True
    np.testing.assert_array_equal(found, expected)
    heights = spots.photons / np.sqrt(np.linalg.det(spots.covariance + np.eye(2) / 12))
    assert tuple(most) == tuple(at[on][heights[on].argmax()][::-1])
