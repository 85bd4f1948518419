"""Calibrations of pyFAI, against its own positions of corners."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from corners import corners_mm
from pyFAI.geometry import Geometry
from pyFAI.io.ponifile import PoniFile

from nbjax.errors import FileError
from nbjax.exchange.combination import in_frame
from nbjax.io.experiments import read_experiment
from nbjax.io.experiments.recorded import CRYSTFEL, DIALS, NEXUS, RecordedExperiment

NUMBERS = {"Distance": 0.123, "Poni1": 0.041, "Poni2": -0.012, "Rot1": 0.3, "Rot2": -0.21, "Rot3": 0.7}


def text(config: dict[str, Any] | None, name: str = "Detector", version: str = "2.1", **changes: Any) -> str:
    lines = [f"poni_version: {version}", f"Detector: {name}", f"Detector_config: {json.dumps(config)}"]
    numbers = NUMBERS | {"Wavelength": 1.1e-10} | changes
    lines = [] if config is None else lines
    return "".join(f"{line}\n" for line in ["# Nota: C-Order", *lines, *(f"{k}: {v}" for k, v in numbers.items())])


def read(folder: Path, content: str) -> RecordedExperiment:
    (folder / "a.poni").write_text(content)
    return read_experiment(str(folder / "a.poni"))


def theirs_mm(folder: Path) -> np.ndarray:
    """The outer corners by pyFAI, which counts from the middle of the first pixel, as (1, 2, 3)."""
    calibration = PoniFile(str(folder / "a.poni"))
    geometry = Geometry(detector=calibration.detector)
    geometry.set_param([getattr(calibration, name) for name in ("dist", "poni1", "poni2", "rot1", "rot2", "rot3")])
    slow, fast = calibration.detector.shape
    d1, d2 = np.array([-0.5, -0.5, slow - 0.5, slow - 0.5]), np.array([-0.5, fast - 0.5, -0.5, fast - 0.5])
    t3, t1, t2 = geometry.calc_pos_zyx(d1=d1, d2=d2)
    return 1000 * np.stack([t1, t2, t3], axis=-1)[[0, 2, 1, 3]]


@pytest.mark.parametrize("orientation", [1, 2, 3, 4])
def test_corners(tmp_path: Path, orientation: int) -> None:
    config = {"pixel1": 1e-4, "pixel2": 2e-4, "max_shape": [30, 50], "orientation": orientation}
    found = read(tmp_path, text(config))
    (panel,) = found.panels
    assert (panel.pixels, panel.pixel_mm) == ((50, 30), pytest.approx((0.2, 0.1)))
    np.testing.assert_allclose(corners_mm(panel), theirs_mm(tmp_path), atol=1e-9)
    assert found.beam.wavelength_A == pytest.approx(1.1)
    assert found.beam.direction is not None
    np.testing.assert_array_equal(found.beam.direction, [0, 0, 1])


def test_detectors_by_name(tmp_path: Path) -> None:
    (panel,) = read(tmp_path, text({"orientation": 3}, "Pilatus300k")).panels
    np.testing.assert_allclose(corners_mm(panel), theirs_mm(tmp_path), atol=1e-9)
    assert (panel.name, panel.material) == ("Pilatus 300k", "Si")
    assert panel.bad is not None
    assert panel.bad.sum() == 2 * 17 * 487
    sensor = {"material": "CdTe", "thickness": 1e-3}
    config = {"pixel1": 1e-4, "pixel2": 1e-4, "max_shape": [3, 5], "orientation": 3, "sensor": sensor}
    (panel,) = read(tmp_path, text(config, version="3") + "Parallax: True\n").panels
    assert (panel.material, panel.thickness_mm) == ("CdTe", pytest.approx(1.0))


def test_the_first_version(tmp_path: Path) -> None:
    first = text(None, PixelSize1=1.72e-4, PixelSize2=1.72e-4)
    (panel,) = read(tmp_path, "Detector: Pilatus 300k\nRot1: 9\n" + first).panels
    np.testing.assert_allclose(corners_mm(panel), theirs_mm(tmp_path), atol=1e-9)
    with pytest.raises(FileError, match="does not tell how many pixels there are; name its Detector"):
        read(tmp_path, first)


def test_up_stays_up_in_every_laboratory(tmp_path: Path) -> None:
    found = read(tmp_path, text({"pixel1": 1e-4, "pixel2": 1e-4, "max_shape": [3, 5], "orientation": 3}))
    (up, right, along), origin = np.eye(3), found.panels[0].origin_mm
    # y is upwards in all; as the beam travels x is leftwards in NeXus and CrystFEL, and rightwards in DIALS
    for frame, x, z in ((NEXUS, -right, along), (CRYSTFEL, -right, along), (DIALS, right, -along)):
        turned = in_frame(found, frame).panels[0].origin_mm
        np.testing.assert_allclose(turned, [origin @ x, origin @ up, origin @ z], atol=1e-12)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            text({"pixel1": 1e-4, "pixel2": 1e-4, "max_shape": [3, 5], "orientation": 7}),
            "has the orientation 7; 1 to 4",
        ),
        (text({"pixel1": 1e-4, "max_shape": [3, 5]}), "does not tell the size of pixels"),
        (text({"pixel1": 1e-4, "pixel2": 1e-4, "max_shape": [3.5, 5]}), "max_shape: '3.5' is no whole number"),
        (text({}, "Pilatus 7M"), "no detector has the name 'Pilatus 7M'; the nearest are"),
        (text({}, version="4"), "is of version 4, and 1 to 3 are known"),
        (
            text({"pixel1": 1e-4, "pixel2": 1e-4, "max_shape": [3, 5]}, Rot1="x"),
            "line 8: rot1: 'x' is no finite number",
        ),
        (text({"splineFile": "a.spline"}), "its pixels are placed by the splineFile 'a.spline'"),
        (text({}).replace("{}", "{"), "line 4: Detector_config is no dictionary of JSON"),
        (text({"pixel1": 1e-4, "pixel2": 1e-4, "max_shape": [3, 5]}, Distance=0), "has no Distance"),
        (text({"pixel1": 1e-4, "pixel2": 1e-4, "max_shape": [3, 5]}, Poni1="None"), "has no poni1; calibrate again"),
    ],
)
def test_faults(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(FileError) as caught:
        read(tmp_path, content)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
