"""Changes of numbers keep the compiled program; sampled crystals become finer."""

from __future__ import annotations

import copy
import tomllib
from pathlib import Path

import jax
import numpy as np
import pytest

import nbjax
from nbjax.explore import model as explored
from nbjax.explore.changes import changed_config, changes_between
from nbjax.explore.model import Model, sampling_levels
from nbjax.resolve import resolve

SAMPLED = {
    "beam": {"wavelength_A": 1.0},
    "crystal": {
        "cell_A": [40.0, 50.0, 60.0],
        "cell_deg": [90.0, 90.0, 90.0],
        "default_F": 100.0,
        "cells": [6, 6, 6],
        "mosaic_spread_deg": 0.5,
    },
    "detector": {"distance_mm": 60.0, "pixel_mm": 2.0, "pixels_fast": 12, "pixels_slow": 10},
    "sampling": {"mosaic_domains": 6, "oversample": 1},
}


def test_sampled_images_become_finer_up_to_that_of_the_command_line() -> None:
    model = Model(SAMPLED)
    frames = [model.frame({}, level=level) for level in range(3)]
    assert [frame.level for frame in frames] == [0, 1, 1]
    assert frames[0].levels == 2
    wanted = np.asarray(nbjax.simulate(nbjax.prepare(model.base)))
    np.testing.assert_allclose(frames[-1].photons, wanted, rtol=1e-6)
    assert (frames[0].photons != frames[-1].photons).any()


def test_levels_grow_and_the_last_is_the_whole() -> None:
    levels = sampling_levels(
        resolve(changed_config(SAMPLED, {"sampling.mosaic_domains": 400, "sampling.oversample": 2}))
    )
    assert [level.get("sampling.mosaic_domains") for level in levels] == [4, 20, 100, None]
    plain = {"crystal.mosaic_spread_deg": None, "sampling.mosaic_domains": None}
    assert sampling_levels(resolve(changed_config(SAMPLED, plain))) == [{}]


def test_changes_are_those_of_set_and_lead_back() -> None:
    before = copy.deepcopy(SAMPLED)
    base = changed_config(SAMPLED, {})
    other = changed_config(SAMPLED, {"beam.energy_eV": "12000", "crystal.misset_deg": "[1, 2, 3]"})
    assert (other.beam.energy_eV, other.beam.wavelength_A) == (12000.0, None)
    assert changed_config(SAMPLED, changes_between(base, other)) == other
    assert before == SAMPLED


def test_structure_factors_of_a_file_stay_while_a_slider_moves(tmp_path: Path) -> None:
    rows = np.indices((3, 2, 2)).reshape(3, -1).T - [1, 0, 0]
    (tmp_path / "few.hkl").write_text("".join(f"{h} {k} {i} {100 + h}\n" for h, k, i in rows))
    data = tomllib.loads("[crystal]\ncell_A = [40, 50, 60]\ncell_deg = [90, 90, 90]\ncells = [4, 4, 4]")
    data = {**SAMPLED, "crystal": {**data["crystal"], "hkl_file": str(tmp_path / "few.hkl")}, "sampling": {}}
    model = Model(data)
    moved = {"detector.distance_mm": "55"}
    np.testing.assert_allclose(model.frame(moved, moving=True).photons, model.frame(moved).photons, rtol=1e-6)
    with pytest.raises(nbjax.errors.ConfigError, match=r"detector\.distance_mm: got 0, must be above zero"):
        model.frame({"detector.distance_mm": "0"}, moving=True)


def test_a_closed_crystal_keeps_its_program_when_widths_leave_zero() -> None:
    crystal = {**SAMPLED["crystal"], "model": "closed", "mosaic_spread_deg": 0.0}
    model = Model({**SAMPLED, "crystal": crystal, "sampling": {}})
    for beam in ({}, {"beam.divergence_sigma_mrad": 1.0}):
        first, *others = (
            model.prepared(model.config({**beam, **widths}))[1]
            for widths in (
                {},
                {"beam.bandwidth_percent": 0.0},
                {"beam.bandwidth_percent": 0.5},
                {"crystal.mosaicity_deg": 0.1},
                {"crystal.mosaicity_axes_deg": [0.1, 0.2, 0.3], "beam.bandwidth_percent": 1.5},
            )
        )
        wanted = jax.tree.map(np.shape, first)
        for other in others:
            assert jax.tree.structure(other) == jax.tree.structure(first)
            assert jax.tree.map(np.shape, other) == wanted
    assert float(first.beam.sources.band) == 0


def test_the_model_says_that_it_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    model, said = Model(SAMPLED), []

    def rendered(experiment: nbjax.Experiment, advance: object) -> np.ndarray:
        said.append(model.doing)
        return np.zeros(experiment.grid.shape)

    monkeypatch.setattr(explored, "render", rendered)
    for changes in ({}, {"detector.distance_mm": "61"}, {"sampling.mosaic_domains": "7"}):
        model.frame(changes, level=9)
        assert model.doing == ""
    assert said == ["compiling", "", "compiling"]
