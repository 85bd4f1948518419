"""A fitted detector of a file is a file again, in which every move is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from panel_stills import write_config

from nbjax import prepare
from nbjax.config.edit import with_values
from nbjax.config.load import load_config
from nbjax.config.tree import Config
from nbjax.config.write import config_toml
from nbjax.exchange.combination import in_frame
from nbjax.experiment import Experiment
from nbjax.fit import geometry
from nbjax.fit.configuration import check_writable, fitted_config
from nbjax.fit.geometry import fitted_geometry, geometry_files
from nbjax.geometry.detector import place_detector
from nbjax.io.experiments import read_experiment
from nbjax.io.experiments.dials_writing import experiment_list
from nbjax.io.experiments.recorded import DIALS
from nbjax.parameters import parameters_of

place = jax.jit(lambda e: place_detector(e.detector, e.beam.direction))
MOVES: dict[str, Any] = {
    "detector.distance_mm": 61.0,
    "detector.two_theta_deg": 3.0,
    "detector.rotation_z_deg": 2.0,
    "detector.origin_shift_mm": (0.1, -0.2, 0.3),
    "groups[pair].rotation_deg": (0.1, 0.2, 0.3),
    "panels[right].shift_mm": (0.05, 0.02, -0.1),
    "panels[upper].rotation_deg": (0.3, 0.2, 0.1),
}


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.chdir(tmp_path)
    return write_config(tmp_path)


def moved(experiment: Experiment, changes: dict[str, Any]) -> Experiment:
    table = parameters_of(experiment, "custom")
    for path, value in changes.items():
        experiment = table[path].set(experiment, jnp.atleast_1d(jnp.asarray(value)))
    return experiment


def read_back(config: Config, experiment: Experiment, paths: list[str]) -> Experiment:
    """By way of files, as a user goes on with them."""
    check_writable(config, paths)
    found = fitted_geometry(config, experiment, paths)
    assert found is not None
    fitted = fitted_config(config, experiment, paths, found)
    for key, (name, content) in geometry_files(found, "fitted").items():
        Path(name).write_bytes(content)
        fitted = with_values(fitted, {key: name})
    Path("fitted.toml").write_text(config_toml(fitted))
    return prepare(load_config("fitted.toml"))


def assert_same(again: Experiment, wanted: Experiment, digits: float) -> None:
    pairs = zip(jax.tree.leaves(place(again)), jax.tree.leaves(place(wanted)), strict=True)
    for found, expected in pairs:
        np.testing.assert_allclose(found, expected, atol=digits)
    still = jax.tree.map(jnp.zeros_like, wanted.detector)
    assert again.detector.panels.layers == wanted.detector.panels.layers
    assert again.grid == wanted.grid
    for name in ("beam", "crystals", "mask"):
        one, other = (jax.tree.leaves(getattr(e, name)) for e in (again, wanted))
        for found, expected in zip(one, other, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)
    if wanted.detector.groups is not None:
        assert again.detector.groups is not None
        assert again.detector.groups.names == wanted.detector.groups.names
        assert not np.any(again.detector.groups.shift_m)
        np.testing.assert_array_equal(again.detector.panels.rotation_rad, still.panels.rotation_rad)


def test_a_geometry_of_crystfel_holds_every_move(config: Config) -> None:
    sensor = {
        "detector.thickness_um": 320.0,
        "detector.attenuation_depth_um": 200.0,
        "detector.origin_shift_mm": (1, 0, 0),
    }
    config = with_values(config, sensor)
    wanted = moved(prepare(config), MOVES | {"detector.thickness_um": 310.0})
    again = read_back(config, wanted, [*MOVES, "detector.thickness_um", "beam.direction"])
    assert_same(again, wanted, 1e-13)
    np.testing.assert_allclose(again.detector.panels.thickness_m, 310e-6, rtol=1e-12)


def test_a_geometry_keeps_its_digits_in_32_bits(config: Config) -> None:
    wanted = moved(prepare(config), MOVES)
    narrow = replace(config, precision="single")
    again = read_back(narrow, moved(prepare(narrow), MOVES), list(MOVES))
    double = prepare(replace(load_config("fitted.toml"), precision="double"))
    assert again.precision == "single"
    for found, expected in zip(jax.tree.leaves(place(double)), jax.tree.leaves(place(wanted)), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-9)


def test_an_experiment_list_holds_every_move(config: Config) -> None:
    found = read_experiment(config.detector.file or "")
    sensors = [replace(p, thickness_mm=0.1 * (i + 1), attenuation_per_mm=5.0) for i, p in enumerate(found.panels)]
    Path("panels.expt").write_text(experiment_list(in_frame(replace(found, panels=tuple(sensors)), DIALS)))
    config = with_values(config, {"detector.file": "panels.expt"})
    start = prepare(config)
    np.testing.assert_allclose(start.detector.panels.thickness_m, [1e-4, 2e-4, 3e-4])
    wanted = moved(start, MOVES | {"beam.direction": (3.0, -2.0), "detector.thickness_um": 110.0})
    again = read_back(config, wanted, [*MOVES, "beam.direction", "detector.thickness_um"])
    assert Path("fitted.expt").exists()
    assert_same(again, wanted, 1e-12)
    np.testing.assert_allclose(again.detector.panels.attenuation_per_m, start.detector.panels.attenuation_per_m)
    np.testing.assert_allclose(again.detector.panels.thickness_m, [1.1e-4, 2.2e-4, 3.3e-4], rtol=1e-12)


def test_one_panel_of_a_file_moves_with_its_own_numbers(config: Config, tmp_path: Path) -> None:
    config = write_config(tmp_path, panels=1)
    start = prepare(config)
    changes = {"detector.close_distance_mm": 61.0, "detector.pixel_mm": 0.251, "detector.rotation_x_deg": 1.0}
    wanted = moved(start, changes)
    again = read_back(config, wanted, list(changes))
    assert_same(again, wanted, 1e-13)
    np.testing.assert_allclose(again.panel.pixel_size_m, 0.251e-3, rtol=1e-12)


def test_a_mask_that_no_geometry_holds_goes_beside_it(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    text = Path(config.detector.file or "").read_text()
    bad = [
        f"bad_{i}/{k} = {v}\n"
        for i in range(3)
        for k, v in (("panel", "left"), ("min_fs", 9 * i), ("max_fs", 9 * i), ("min_ss", 4), ("max_ss", 4))
    ]
    Path("panels_3.geom").write_text(text + "".join(bad))
    monkeypatch.setattr(geometry, "MOST_REGIONS", 2)
    wanted = moved(prepare(config), MOVES)
    again = read_back(config, wanted, list(MOVES))
    assert Path("fitted_mask.npy").exists()
    assert_same(again, wanted, 1e-13)


def test_what_has_not_moved_stays_the_file_that_it_was(config: Config) -> None:
    assert fitted_geometry(config, prepare(config), ["crystal.misset_deg", "scale"]) is None
    fitted = fitted_config(config, prepare(config), ["crystal.misset_deg"])
    assert fitted.detector.file == config.detector.file
    assert fitted.detector.pivot is None
