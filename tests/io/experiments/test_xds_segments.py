"""Segments of XDS as panels, by the definition of its coordinate systems in NumPy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from corners import corners_mm
from positions import PIXELS, rotation
from written import ORG, PIXEL_MM, xds_inp, xparm

from nbjax.errors import FileError
from nbjax.io.experiments import read_experiment
from nbjax.io.experiments.recorded import RecordedExperiment

TURNS = [rotation(np.array([0.2, 1.0, 0.4]), 1.5), rotation(np.array([1.0, 0.3, -2.0]), -0.8)]
LIMITS = [(1, 150, 1, 260), (156, 300, 11, 200)]
ORGS, DISTANCES = [(0.7, -1.2), (2.5, 0.25)], [0.35, -0.6]


def read(folder: Path, content: str) -> RecordedExperiment:
    (folder / "a").write_text(content)
    return read_experiment(str(folder / "a"))


def defined_mm(number: int, version: int) -> np.ndarray:
    """Corners of a segment: x = QX (IX - ORGXS) EDSL1 + QY (IY - ORGYS) EDSL2 + FS EDSL3 + ORG, EDSL = ED EDS."""
    lines = xparm(version).split("\n")
    rows = [np.array(line.split(), float) for line in (lines[4:7] if version == 1 else lines[9:12])]
    ed = np.stack(rows, axis=1)
    distance = 80.0 if version == 1 else -80.0
    origin = -ORG[0] * PIXEL_MM * ed[:, 0] - ORG[1] * PIXEL_MM * ed[:, 1] + distance * ed[:, 2]
    edsl = ed @ TURNS[number]
    left, right, top, bottom = LIMITS[number]
    org_x, org_y = ORGS[number]
    return np.array(
        [
            origin
            + PIXEL_MM * (ix - org_x) * edsl[:, 0]
            + PIXEL_MM * (iy - org_y) * edsl[:, 1]
            + DISTANCES[number] * edsl[:, 2]
            for ix in (left - 0.5, right + 0.5)
            for iy in (top - 0.5, bottom + 0.5)
        ]
    )


def row(values: object) -> str:
    return " ".join(f"{value:.12f}" for value in np.ravel(values))


def of_xparm() -> str:
    lines = xparm(3).rstrip("\n").split("\n")[:-2]
    for number in range(2):
        axes = row(TURNS[number][:, :2].T)
        lines += [
            f"{number + 1} {' '.join(map(str, LIMITS[number]))}",
            f"{row(ORGS[number])} {DISTANCES[number]} {axes}",
        ]
    return "\n".join([*lines, ""])


def of_input() -> str:
    text = xds_inp()
    for number in range(2):
        x, y = TURNS[number][:, 0], TURNS[number][:, 1]
        text += (
            f"SEGMENT= {' '.join(map(str, LIMITS[number]))} ! and what is told of it\nREFINE_SEGMENT= ALL\n"
            f"DIRECTION_OF_SEGMENT_X-AXIS= {row(x)}\nDIRECTION_OF_SEGMENT_Y-AXIS= {row(y)}\n"
            f"SEGMENT_ORGX= {ORGS[number][0]} SEGMENT_ORGY= {ORGS[number][1]} SEGMENT_DISTANCE= {DISTANCES[number]}\n"
        )
    return text


@pytest.mark.parametrize(("content", "version"), [(of_xparm(), 3), (of_input(), 1)])
def test_corners(tmp_path: Path, content: str, version: int) -> None:
    found = read(tmp_path, content)
    assert [panel.name for panel in found.panels] == ["segment 1", "segment 2"]
    image = np.arange(260 * 300).reshape(260, 300)
    for number, panel in enumerate(found.panels):
        np.testing.assert_allclose(corners_mm(panel), defined_mm(number, version), atol=1e-8)
        left, right, top, bottom = LIMITS[number]
        assert panel.place is not None
        np.testing.assert_array_equal(
            image[panel.place.of_image(panel.pixels)], image[top - 1 : bottom, left - 1 : right]
        )
    assert found.remarks == ()


def test_segments_in_the_plane_are_one_panel(tmp_path: Path) -> None:
    (whole,) = read(tmp_path, xds_inp()).panels
    text = xds_inp() + "SEGMENT= 1 150 1 260\nSEGMENT= 156 300 1 260\nUNTRUSTED_RECTANGLE= 9 12 0 3\n"
    found = read(tmp_path, text + "OVERLOAD= 65000 GAIN= 2.5 UNTRUSTED_ELLIPSE= 1 2 3 4\n")
    (panel,) = found.panels
    np.testing.assert_array_equal(corners_mm(panel), corners_mm(whole))
    assert (panel.name, panel.pixels, panel.saturation_counts, panel.gain) == ("detector", PIXELS, 65000, 2.5)
    bad = np.zeros((260, 300), bool)
    bad[:, 150:155] = True
    # its own edges do not belong to an untrusted rectangle
    bad[:2, 9:11] = True
    np.testing.assert_array_equal(panel.bad, bad)
    assert found.remarks[-1].endswith("UNTRUSTED_ELLIPSE= is not taken; a mask can tell its pixels")
    assert whole.bad is None


def test_bad_pixels_of_a_segment(tmp_path: Path) -> None:
    first, second = read(tmp_path, of_input() + "UNTRUSTED_RECTANGLE= 155 158 11 13\n").panels
    assert first.bad is None
    assert second.bad is not None
    assert np.argwhere(second.bad).tolist() == [[1, 0], [1, 1]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            xds_inp() + "SEGMENT= 1 301 1 9\n",
            "the segment of 1 to 301 and 1 to 9 is not inside of the detector's 300 x",
        ),
        (xds_inp() + "SEGMENT= 1 30 1\n", "SEGMENT=: has 3 numbers where 4 are wanted"),
        (xds_inp() + "SEGMENT= 1 30 1 2\nDIRECTION_OF_SEGMENT_X-AXIS= 0 0 0\n", "an axis of the segment has no direc"),
        (of_xparm().replace("1 1 150 1 260", "1 1 150"), "has 3 numbers where 5 of a segment are wanted"),
    ],
)
def test_faults(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(FileError) as caught:
        read(tmp_path, content)
    assert message in str(caught.value)
