"""Images of closed crystals in a dataset share one program, and lose no spot where it has no room."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nbjax
from nbjax.dataset.images import Simulator
from nbjax.dataset.load import load_recipe
from nbjax.dataset.plan import Plan
from nbjax.experiment import Experiment
from nbjax.preparation import prepare_resolved
from nbjax.resolve import resolve
from nbjax.sampling.capacity import Capacity

RECIPE = """
[crystal]
model = "closed"
cell_A = [40.0, 50.0, 60.0]
default_F = 100.0
cells = [10, 10, 10]
mosaicity_deg = 0.2
[detector]
distance_mm = 80.0
pixel_mm = 0.4
pixels_fast = 64
pixels_slow = 64
[dataset]
kind = "stills"
[[dataset.draws]]
keys = ["crystal.mosaicity_deg"]
distribution = "uniform"
low = 0.1
high = 0.4
"""


def test_images_share_their_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbjax.dataset.images._DOUBLINGS", 0)
    (tmp_path / "a.toml").write_text(RECIPE)
    plan = Plan(load_recipe(tmp_path / "a.toml"))
    simulator = Simulator(plan)
    experiments = [simulator.experiments(plan.image(number))[0] for number in range(3)]
    assert len({experiment.crystal.capacity for experiment in experiments}) == 1
    with jax.enable_x64(True):
        whole = nbjax.simulate(prepare_resolved(resolve(plan.image(1).lattices[0])))
    # other sizes of boxes have other nodes, each good to 3e-4 of the brightest pixel
    np.testing.assert_allclose(simulator.photons(1).total, whole, rtol=0, atol=3e-4 * np.max(whole))
    # without room, it is made
    small = replace(simulator.base.crystal.capacity, excited=1, seen=1, spots=simulator.base.crystal.capacity.spots[:1])
    simulator.base = simulator.base.with_crystal(replace(simulator.base.crystal, capacity=small))
    np.testing.assert_array_equal(simulator.photons(1).total, whole)


def test_images_with_more_spots_share_a_roomier_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Room is doubled from that of the recipe, so that its size tells nothing of the image."""
    (tmp_path / "a.toml").write_text(RECIPE)
    plan = Plan(load_recipe(tmp_path / "a.toml"))
    simulator, rooms = Simulator(plan), list[Capacity]()
    base = simulator.base.crystal.capacity
    assert base is not None

    def rendered(self: Simulator, experiment: Experiment) -> jax.Array:
        capacity = experiment.crystal.capacity
        assert capacity is not None
        rooms.append(capacity)
        # the mask hides a row
        return jnp.full((64, 64), 1.0 if capacity.seen >= 4 * base.seen else np.nan).at[0].set(0.0)

    monkeypatch.setattr(Simulator, "_rendered", rendered)
    monkeypatch.setattr("nbjax.dataset.images.with_capacity", None)
    for number in range(2):
        assert simulator.photons(number).total.sum() == 63 * 64
    assert rooms == 2 * [base, base.doubled(), base.doubled().doubled()]
    largest, doubled = base.spots[-1], base.doubled().spots
    assert [size.count for size in doubled] == [2 * size.count for size in base.spots]
    assert (doubled[-1].half_length, doubled[-1].half_width) == (2 * largest.half_length, 2 * largest.half_width)
    assert doubled[-1].narrowest < largest.narrowest
