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


ORG = (140.3, 120.8)
BEAM = np.array([0.004, -0.009, 1.0])
AXIS = np.array([0.9998, 0.012, -0.016])
_X = rotation(np.array([0.0, 0.0, 1.0]), 2.0)[:, 0]


def _row(values: Any, digits: int = 9) -> str:
    return " ".join(f"{value:.{digits}f}" for value in values)


def xparm(version: int) -> str:
    """A file of XDS; the third version has its normal against the beam, and so a negative distance."""
    y = np.cross([0.0, 0.03, 1.0], _X) * (-1 if version == 3 else 1)
    y /= np.linalg.norm(y)
    normal, distance = np.cross(_X, y), -80.0 if version == 3 else 80.0
    fast, slow = PIXELS
    beam = BEAM / np.linalg.norm(BEAM) / WAVELENGTH_A
    scan, wave = f"7 33.0 0.25 {_row(AXIS)}", f"{WAVELENGTH_A} {_row(beam)}"
    cell = "1 50.0 61.1 72.7 90 90 90"
    crystal, axes = [_row(row) for row in DIRECT], [_row(row) for row in (_X, y, normal)]
    if version == 1:
        place = [f"{fast} {slow} {PIXEL_MM} {PIXEL_MM}", f"{distance} {_row(ORG)}", *axes]
        return "\n".join([scan, wave, *place, cell, *crystal, ""])
    place = [f"1 {fast} {slow} {PIXEL_MM} {PIXEL_MM}", f"{_row(ORG)} {distance}", *axes]
    segment = [f"1 1 {fast} 1 {slow}", "0.00 0.00 0.00 1.0 0.0 0.0 0.0 1.0 0.0"] if version == 3 else []
    return "\n".join([" XPARM.XDS    VERSION March 30, 2013", scan, wave, cell, *crystal, *place, *segment, ""])


def xds_inp() -> str:
    """The same as a first version of XPARM.XDS, as input."""
    lines = xparm(1).split("\n")
    x, y = lines[4], lines[5]
    return "\n".join(
        [
            "JOB= XYCORR INIT ! DETECTOR_DISTANCE= 1",
            f"NX={PIXELS[0]} NY= {PIXELS[1]}  QX={PIXEL_MM} QY={PIXEL_MM}",
            f"ORGX={ORG[0]} ORGY={ORG[1]}",
            "DETECTOR_DISTANCE= 80.0",
            f"DIRECTION_OF_DETECTOR_X-AXIS= {x}",
            f"DIRECTION_OF_DETECTOR_Y-AXIS= {y}",
            f"INCIDENT_BEAM_DIRECTION= {_row(BEAM)}",
            f"X-RAY_WAVELENGTH= {WAVELENGTH_A}",
            "FRACTION_OF_POLARIZATION= 0.99 POLARIZATION_PLANE_NORMAL= 0 1 0",
            f"ROTATION_AXIS= {_row(AXIS)}",
            "OSCILLATION_RANGE= 0.25 STARTING_ANGLE= 33.0 STARTING_FRAME= 7",
            "DATA_RANGE= 5 100",
            *(f"UNIT_CELL_{axis}-AXIS= {_row(row)}" for axis, row in zip("ABC", DIRECT, strict=True)),
            "UNIT_CELL_CONSTANTS= 0 0 0 0 0 0",
            "",
        ]
    )


def xds_scene(version: int, image: int) -> Scene:
    """What XDS defines: (X - ORGX) QX, (Y - ORGY) QY and F along the detector's axes, the first pixel's middle at 1."""
    y = np.cross([0.0, 0.03, 1.0], _X) * (-1 if version == 3 else 1)
    y /= np.linalg.norm(y)
    distance = -80.0 if version == 3 else 80.0
    corner = (0.5 - ORG[0]) * PIXEL_MM * _X + (0.5 - ORG[1]) * PIXEL_MM * y + distance * np.cross(_X, y)
    turn = rotation(AXIS, 33.0 + 0.25 * (image - 7))
    return Scene(turn @ np.linalg.inv(DIRECT), BEAM, WAVELENGTH_A, np.stack([_X, y, corner], axis=1), PIXEL_MM)


SHIFT_MM = (0.4, -0.3)
_CORNER = (120.4, 138.2)
_FS, _SS = np.array([0.01, -0.99995, 0.0]), np.array([-0.99975, -0.01, 0.02])


def stream(crystals: str = "1 2") -> str:
    """A stream of two indexed images, the second with two crystals, and one that was not indexed."""
    fast, slow = PIXELS

    def crystal(turn_deg: float) -> str:
        reciprocal = 10 * np.linalg.inv(DIRECT @ rotation(np.array([0.0, 0.0, 1.0]), turn_deg).T).T
        rows = "".join(f"{axis}star = {_row(row)} nm^-1\n" for axis, row in zip("abc", reciprocal, strict=True))
        return (
            f"--- Begin crystal\nCell parameters 5.0 6.1 7.3 nm, 90 90 90 deg\n{rows}centering = P\n"
            f"predict_refine/det_shift x = {SHIFT_MM[0]} y = {SHIFT_MM[1]} mm\n"
            "Reflections measured after indexing\n   h    k    l          I   sigma(I)\n -37   11   -7     -15.11\n"
            "End of reflections\n--- End crystal\n"
        )

    def image(serial: int, content: str) -> str:
        return (
            f"----- Begin chunk -----\nImage filename: x.h5\nImage serial number: {serial}\n"
            "photon_energy_eV = 11271.3\n"
            f"average_camera_length = 0.071000 m\n 624.00  259.50       3.55\n{content}----- End chunk -----\n"
        )

    return (
        "CrystFEL stream format 2.3\n----- Begin geometry file -----\n; clen = 1\n"
        "clen = /LCLS/detector\nres = 5813.953488\n"
        f"rigid_group_a = q\nbad_edge/min_fs = 3\nq/min_fs = 10\nq/max_fs = {fast + 9}\nq/min_ss = 0\n"
        f"q/max_ss = {slow - 1}\nq/corner_x = {_CORNER[0]}\nq/corner_y = {_CORNER[1]}\nq/coffset = 0.001\n"
        f"q/fs = {_FS[0]:+}x {_FS[1]:+}y\nq/ss = {_SS[0]}x {_SS[1]}y +{_SS[2]}z\n----- End geometry file -----\n"
        + image(3, crystal(10.0))
        + image(4, "")
        + image(8, crystal(20.0) + crystal(30.0))
    )


def stream_scene(turn_deg: float) -> Scene:
    """What CrystFEL defines: pixels of 1/res from the corner, along fs and ss, the plane at clen + coffset."""
    pixel_mm = 1000 / 5813.953488
    corner = [_CORNER[0] * pixel_mm + SHIFT_MM[0], _CORNER[1] * pixel_mm + SHIFT_MM[1], 71.0]
    return Scene(
        reciprocal=np.linalg.inv(DIRECT @ rotation(np.array([0.0, 0.0, 1.0]), turn_deg).T),
        beam=np.array([0.0, 0.0, 1.0]),
        wavelength_A=12398.419843 / 11271.3,
        panel=np.stack([_FS, _SS, corner], axis=1),
        pixel_mm=pixel_mm,
    )


MISSET = (0.3, -0.5, 0.8)


def mosflm(wavelength_A: float) -> str:
    """A whole file of MOSFLM, with a factor of the wavelength."""
    reciprocal = np.linalg.inv(DIRECT)
    lengths = np.linalg.norm(DIRECT, axis=1)
    cosines = [DIRECT[i] @ DIRECT[j] / lengths[i] / lengths[j] for i, j in ((1, 2), (0, 2), (0, 1))]
    rows = [*(wavelength_A * reciprocal), MISSET, *np.eye(3), [*lengths, *np.degrees(np.arccos(cosines))], MISSET]
    return "\n".join(_row(row) for row in rows) + "\n"


def mosflm_scene(wavelength_A: float, distance_mm: float, pixel_mm: float) -> Scene:
    """The beam along x, fast along z, slow along -y; the beam in the middle of the panel, half a pixel on."""
    turns = [rotation(np.eye(3)[i], MISSET[i]) for i in range(3)]
    fast, slow = np.array([0.0, 0.0, 1.0]), np.array([0.0, -1.0, 0.0])
    half = [(count + 1) / 2 * pixel_mm + pixel_mm / 2 for count in PIXELS]
    corner = np.array([distance_mm, 0.0, 0.0]) - half[0] * fast - half[1] * slow
    return Scene(
        reciprocal=turns[2] @ turns[1] @ turns[0] @ np.linalg.inv(DIRECT),
        beam=np.array([1.0, 0.0, 0.0]),
        wavelength_A=wavelength_A,
        panel=np.stack([fast, slow, corner], axis=1),
        pixel_mm=pixel_mm,
    )
