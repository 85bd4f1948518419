"""Detectors of experiment lists: every panel by the frames of its groups, in NumPy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from corners import corners_mm, spanned
from positions import rotation
from written import expt

from nbjax.errors import FileError
from nbjax.io.experiments import read_experiment
from nbjax.io.experiments.recorded import RecordedExperiment


def frame(name: str, **more: Any) -> dict[str, Any]:
    """A panel or a group, turned and shifted at random, by its name."""
    random = np.random.default_rng([7, *name.encode()])
    turn = rotation(random.normal(size=3), float(random.uniform(-20, 20)))
    return {
        "name": name,
        "fast_axis": turn[:, 0].tolist(),
        "slow_axis": turn[:, 1].tolist(),
        "origin": random.uniform((-9, -9, 20), (9, 9, 40)).tolist(),
        **more,
    }


def panel(number: int, **more: Any) -> dict[str, Any]:
    size = {"image_size": [20 + number, 10], "pixel_size": [0.1, 0.1 + 0.02 * number]}
    return frame(f"p{number}", **size, thickness=0.0, mu=0.0, **more)


def detector() -> dict[str, Any]:
    """Six panels: two in a group within one of three, one of its own, and two that have no name for their group."""
    pair = frame("pair", children=[{"panel": 4}, {"panel": 1}])
    arm = frame("arm", children=[{"panel": 0}, pair])
    lonely = frame("lonely", children=[{"panel": 5}])
    nameless = frame("", children=[{"panel": 3}, {"panel": 2}])
    return {
        "panels": [panel(number) for number in range(6)],
        "hierarchy": frame("root", children=[arm, lonely, nameless]),
    }


def read(folder: Path, told: dict[str, Any]) -> RecordedExperiment:
    (folder / "a.expt").write_text(json.dumps(expt(detector=[told])))
    return read_experiment(f"{folder / 'a.expt'}#1")


def matrix(told: dict[str, Any]) -> np.ndarray:
    """From a frame to that which it is told in, with homogeneous coordinates."""
    fast, slow = np.array(told["fast_axis"]), np.array(told["slow_axis"])
    found = np.eye(4)
    found[:3] = np.stack([fast, slow, np.cross(fast, slow), told["origin"]], axis=1)
    return found


def defined_mm(told: dict[str, Any]) -> dict[int, np.ndarray]:
    """Corners of every panel."""
    found = {}

    def visit(group: dict[str, Any], outer: np.ndarray) -> None:
        here = outer @ matrix(group)
        for child in group["children"]:
            if "panel" not in child:
                visit(child, here)
                continue
            each = told["panels"][child["panel"]]
            width, height = np.array(each["image_size"]) * each["pixel_size"]
            local = spanned(np.zeros(3), np.array([width, 0, 0]), np.array([0, height, 0]))
            found[child["panel"]] = (here @ matrix(each) @ np.c_[local, np.ones(4)].T).T[:, :3]

    visit(told["hierarchy"], np.eye(4))
    return found


def test_corners_and_groups(tmp_path: Path) -> None:
    told = detector()
    found = read(tmp_path, told)
    for number, corners in defined_mm(told).items():
        np.testing.assert_allclose(corners_mm(found.panels[number]), corners, atol=1e-10)
    assert [(group.name, group.panels) for group in found.groups] == [
        ("arm", (0, 1, 4)),
        ("pair", (1, 4)),
        ("group 3", (2, 3)),
    ]
    assert {each.place for each in found.panels} == {None}


def test_readout(tmp_path: Path) -> None:
    told = detector()
    told["panels"][2] |= {
        "gain": 2.5,
        "trusted_range": [-1.0, 65000.0],
        "material": "CdTe",
        "thickness": 0.75,
        "mu": 3.2,
        "raw_image_offset": [40, 10],
        "mask": [[1, 2, 4, 3], [19, 9, 30, 12], [-3, 0, 0, 9]],
    }
    found = read(tmp_path, told)
    one = found.panels[2]
    assert (one.gain, one.saturation_counts, one.material) == (2.5, 65000.0, "CdTe")
    assert (one.thickness_mm, one.attenuation_per_mm) == (0.75, 3.2)
    assert one.bad is not None
    assert [(i, j) for j, i in np.argwhere(one.bad)] == [(1, 2), (2, 2), (3, 2), (19, 9), (20, 9), (21, 9)]
    image = np.arange(20 * 70).reshape(20, 70)
    assert one.place is not None
    np.testing.assert_array_equal(image[one.place.of_image(one.pixels)], image[10:20, 40:62])
    other = found.panels[0]
    assert (other.gain, other.saturation_counts, other.material, other.bad) == (None, None, None, None)


def test_faults(tmp_path: Path) -> None:
    told = detector()
    told["hierarchy"]["children"][1]["children"] = []
    with pytest.raises(FileError, match=r"hierarchy\.children\[1\] has no panels; correct the group 'lonely'"):
        read(tmp_path, told)
    told["hierarchy"]["children"][1]["children"] = [{"panel": 6}]
    with pytest.raises(FileError, match=r"names the panel 6, of 6; correct the group 'lonely'"):
        read(tmp_path, told)
    told = detector()
    told["panels"][0]["mask"] = [[0, 1, 2]]
    with pytest.raises(FileError, match=r"panels\[0\]\.mask\[0\] has 3 entries and no number 3"):
        read(tmp_path, told)
