"""Files of processing programs as tests write them, with what each defines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from positions import PIXELS, Scene, rotation

TURN = rotation(np.array([0.3, -0.7, 0.4]), 40.0)
DIRECT = np.array([[50.0, 0, 0], [3.0, 61.0, 0], [-9.0, 4.0, 72.0]]) @ TURN.T
"""a, b, c as rows in Angstrom."""
PIXEL_MM = 0.172
WAVELENGTH_A = 1.1


def expt(**changes: Any) -> dict[str, Any]:
    """An experiment list of two crystals in one scan: a goniometer with both rotations, a panel in a group."""
    fixed = rotation(np.array([1.0, 2.0, -1.0]), 25.0)
    setting = rotation(np.array([0.1, 1.0, 0.2]), 3.0)
    second = DIRECT @ rotation(np.array([0.0, 1.0, 0.0]), 50.0).T
    return {
        "__id__": "ExperimentList",
        "experiment": [
            {"__id__": "Experiment", "beam": 0, "detector": 0, "goniometer": 0, "scan": 0, "crystal": 1},
            {"__id__": "Experiment", "beam": 0, "detector": 0, "goniometer": 0, "scan": 0, "crystal": 0},
        ],
        "beam": [
            {
                "direction": [0.01, -0.02, 1.0],
                "wavelength": WAVELENGTH_A,
                "polarization_normal": [0.0, 1.0, 0.0],
                "polarization_fraction": 0.9,
            }
        ],
        "detector": [
            {
                "panels": [
                    {
                        "name": "p",
                        "fast_axis": [0.0, 1.0, 0.0],
                        "slow_axis": [1.0, 0.0, 0.0],
                        "origin": [-20.0, -25.0, 1.0],
                        "image_size": list(PIXELS),
                        "pixel_size": [PIXEL_MM, PIXEL_MM],
                        "thickness": 0.0,
                        "mu": 0.0,
                    }
                ],
                "hierarchy": {
                    "fast_axis": [0.0, 1.0, 0.0],
                    "slow_axis": [1.0, 0.0, 0.0],
                    "origin": [1.0, 2.0, -70.0],
                    "children": [
                        {
                            "fast_axis": [1.0, 0.0, 0.0],
                            "slow_axis": [0.0, float(np.cos(0.1)), float(np.sin(0.1))],
                            "origin": [3.0, 0.0, 10.0],
                            "children": [{"panel": 0}],
                        }
                    ],
                },
            }
        ],
        "goniometer": [
            {
                "rotation_axis": [1.0, 0.0, 0.0],
                "fixed_rotation": fixed.ravel().tolist(),
                "setting_rotation": setting.ravel().tolist(),
            }
        ],
        "scan": [{"image_range": [5, 14], "oscillation": [30.0, 0.5]}],
        "crystal": [
            {f"real_space_{axis}": row.tolist() for axis, row in zip("abc", rows, strict=True)}
            for rows in (DIRECT, second)
        ],
        **changes,
    }


def write_expt(folder: Path, **changes: Any) -> str:
    """Write it and return its name."""
    path = folder / "x.expt"
    path.write_text(json.dumps(expt(**changes)))
    return str(path)


def expt_scene(image: int) -> Scene:
    """Experiment 1 at the start of an image."""
    tree = expt()
    gonio, panel = tree["goniometer"][0], tree["detector"][0]["panels"][0]
    fixed, setting = (np.reshape(gonio[f"{name}_rotation"], (3, 3)) for name in ("fixed", "setting"))
    turn = setting @ rotation(np.array(gonio["rotation_axis"]), 30.0 + 0.5 * (image - 5)) @ fixed
    root = tree["detector"][0]["hierarchy"]
    frame = np.eye(4)
    for group in (root, root["children"][0], panel):
        fast, slow = np.array(group["fast_axis"]), np.array(group["slow_axis"])
        local = np.eye(4)
        local[:3] = np.stack([fast, slow, np.cross(fast, slow), group["origin"]], axis=1)
        frame = frame @ local
    return Scene(
        reciprocal=turn @ np.linalg.inv(DIRECT),
        beam=-np.array(tree["beam"][0]["direction"]),
        wavelength_A=WAVELENGTH_A,
        panel=frame[:3][:, [0, 1, 3]],
        pixel_mm=PIXEL_MM,
    )
