"""One image on several devices is the image on one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import numpy as np
import pytest
from cases import residual, small_config

from nbjax import prepare, simulate
from nbjax.config.tree import Precision
from nbjax.experiment import Experiment
from nbjax.pipeline.render import render
from nbjax.pipeline.sharding import simulate_on
from nbjax.reference.ledger import check_names

CONFIGS: dict[str, dict[str, Any]] = {
    "samples": {
        "crystal": {"mosaic_spread_deg": 0.4, "phi_range_deg": 1.0, "water_um": 3.0},
        "sampling": {"mosaic_domains": 3, "phi_steps": 3, "oversample": 2},
    },
    "odd window": {"detector": {"roi": (3, 9, 2, 14)}, "crystal": {"interpolate": True, "phi_range_deg": 1.0}},
}


@pytest.mark.parametrize(
    ("name", "parity", "precision"),
    [("samples", (), "mixed"), ("odd window", ("all",), "double")],
)
def test_devices_do_not_change_the_image(name: str, parity: tuple[str, ...], precision: Precision) -> None:
    config = replace(small_config(**CONFIGS[name]), parity=check_names(parity), precision=precision)
    experiment = prepare(config)
    devices = jax.devices()
    assert len(devices) == 2
    image = simulate_on(devices, experiment)
    assert image.sharding.device_set == set(devices)
    wanted = np.asarray(simulate(experiment))
    tolerance = 1e-14 if precision == "double" else 1e-6
    assert wanted.max() > 0
    assert residual(np.asarray(image), wanted) <= tolerance
    small_tiles = replace(experiment, grid=replace(experiment.grid, tile=7))
    for chosen in (devices, devices[:1]):
        assert residual(render(small_tiles, devices=chosen), wanted) <= tolerance


def test_gradients_pass_through_several_devices() -> None:
    experiment = prepare(small_config(**CONFIGS["samples"]))
    found = jax.grad(_total_on_devices)(0.0, experiment)
    wanted = jax.grad(lambda x: simulate(_moved(experiment, x)).sum())(0.0)
    assert float(found) == pytest.approx(float(wanted), rel=1e-9)


def test_devices_meet_once_in_a_gradient() -> None:
    experiment = prepare(small_config(**CONFIGS["samples"]))
    small_tiles = replace(experiment, grid=replace(experiment.grid, tile=7))
    program = jax.jit(jax.grad(_total_on_devices)).lower(0.0, small_tiles).compile().as_text()
    assert program is not None
    parts, entry = program.split("\nENTRY ")
    assert " while(" in entry
    assert " all-reduce(" in entry
    assert " all-reduce(" not in parts, "devices wait for each other in every turn of a loop"


def _total_on_devices(change: Any, experiment: Experiment) -> Any:
    return simulate_on(jax.devices(), _moved(experiment, change)).sum()


def _moved(experiment: Experiment, change: Any) -> Experiment:
    panel, crystal = experiment.panel, experiment.crystal
    assert panel.distance_m is not None
    cell = replace(crystal.cell, misset_rad=crystal.cell.misset_rad + change)
    moved = replace(panel, distance_m=panel.distance_m * (1 + change))
    return experiment.with_panel(moved).with_crystal(replace(crystal, cell=cell))
