"""Stills of an experiment list, their images, and the list with other crystals."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from nbjax.errors import FileError
from nbjax.io.experiments.dials_list import Change, read_stills, with_changes
from nbjax.io.experiments.json_tree import read_json


def listed(**changes: Any) -> dict[str, Any]:
    models = {"beam": 0, "detector": 0}
    crystal = {"real_space_a": [50, 0, 0], "real_space_b": [0, 60, 0], "real_space_c": [0, 0, 70], "ML_half_sd": 1}
    panel = {
        "name": "p",
        "fast_axis": [1, 0, 0],
        "slow_axis": [0, -1, 0],
        "origin": [-10, 10, -100],
        "image_size": [20, 20],
        "pixel_size": [1, 1],
    }
    tree = {
        "__id__": "ExperimentList",
        "experiment": [
            {"__id__": "Experiment", "identifier": f"e{i}", **models, "crystal": i, "imageset": i} for i in range(3)
        ],
        "beam": [{"direction": [0, 0, 1], "wavelength": 1.0}],
        "detector": [{"panels": [panel], "hierarchy": None}],
        "crystal": [crystal | {"space_group_hall_symbol": " P 4"}] * 3,
        "imageset": [
            {"images": ["a.img"]},
            {"images": ["b.h5"], "single_file_indices": [4]},
            {"template": "d/c_####.cbf"},
        ],
    }
    return tree | changes


def test_images_of_stills_are_known(tmp_path: Path) -> None:
    (tmp_path / "a.expt").write_text(json.dumps(listed()))
    stills = read_stills(tmp_path / "a.expt")
    assert [(still.image, still.index) for still in stills] == [("a.img", 0), ("b.h5", 4), ("d/c_0001.cbf", 0)]
    assert [still.identifier for still in stills] == ["e0", "e1", "e2"]
    assert stills[0].space_group == "P 4"


def test_crystals_are_replaced_and_others_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.expt").write_text(json.dumps(listed()))
    direct = np.diag([51.0, 61.0, 71.0])
    changes = {2: Change(direct), 0: Change(2 * direct)}
    (tmp_path / "b.expt").write_text(with_changes(read_json(tmp_path / "a.expt"), changes))
    stills = read_stills(tmp_path / "b.expt")
    assert [still.identifier for still in stills] == ["e0", "e2"]
    assert np.allclose([still.experiment.crystal.direct_A for still in stills], [2 * direct, direct])
    assert "ML_half_sd" not in (tmp_path / "b.expt").read_text()


@pytest.mark.parametrize(
    "hierarchy",
    [
        None,
        {"children": [{"panel": 0}]},
        {"fast_axis": [0, 1, 0], "slow_axis": [1, 0, 0], "origin": [1, 2, 3], "children": [{"panel": 0}]},
    ],
)
def test_beams_and_detectors_are_replaced_for_their_own_experiment(tmp_path: Path, hierarchy: Any) -> None:
    detector = listed()["detector"][0] | {"hierarchy": hierarchy}
    (tmp_path / "a.expt").write_text(json.dumps(listed(detector=[detector])))
    direct = np.diag([51.0, 61.0, 71.0])
    changes = {0: Change(direct), 1: Change(direct, 1.01, (0.5, -0.25, 2.0))}
    (tmp_path / "b.expt").write_text(with_changes(read_json(tmp_path / "a.expt"), changes))
    own, moved = (still.experiment for still in read_stills(tmp_path / "b.expt"))
    assert (own.beam.wavelength_A, moved.beam.wavelength_A) == (1.0, 1.01)
    assert np.allclose(moved.panels[0].origin_mm - own.panels[0].origin_mm, [0.5, -0.25, 2.0])


def test_panels_stand_elsewhere_in_the_frames_of_their_groups(tmp_path: Path) -> None:
    tree = listed()
    turned = {"fast_axis": [0, 1, 0], "slow_axis": [-1, 0, 0], "origin": [5, 6, -100]}
    group = {"name": "g", **turned, "children": [{"panel": 0}]}
    tree["detector"][0]["hierarchy"] = {**turned, "origin": [0, 0, 0], "fast_axis": [1, 0, 0], "slow_axis": [0, 1, 0]}
    tree["detector"][0]["hierarchy"]["children"] = [group]
    (tmp_path / "a.expt").write_text(json.dumps(tree))
    (panel,) = read_stills(tmp_path / "a.expt")[0].experiment.panels
    turn = Rotation.from_rotvec([0.01, -0.02, 0.03]).as_matrix()
    wanted = replace(panel, origin_mm=panel.origin_mm + 0.1, fast=turn @ panel.fast, slow=turn @ panel.slow)
    (tmp_path / "b.expt").write_text(with_changes(read_json(tmp_path / "a.expt"), {0: Change(np.eye(3))}, [wanted]))
    (found,) = read_stills(tmp_path / "b.expt")[0].experiment.panels
    for name in ("origin_mm", "fast", "slow"):
        np.testing.assert_allclose(getattr(found, name), getattr(wanted, name), atol=1e-12)
    assert json.loads((tmp_path / "b.expt").read_text())["detector"][0]["hierarchy"]["children"][0]["name"] == "g"


def test_lists_without_crystals_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.expt").write_text(json.dumps(listed(experiment=[{"beam": 0, "detector": 0}])))
    with pytest.raises(FileError, match="has no crystal"):
        read_stills(tmp_path / "a.expt")
