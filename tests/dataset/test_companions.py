"""The files beside the images place each pixel where the images have it, by the formulas of their programs."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from datasets import PANELS, PIXEL_MM, recipe

from nbjax.config.tree import Detector
from nbjax.dataset.batch import Batch
from nbjax.dataset.companions import Told, crystfel_geometry, pyfai_calibration, write_companions, xds_input
from nbjax.dataset.nxmx import Instrument, Series
from nbjax.dataset.run import Share

SLOW, FAST = 24, 20


def told(convention: str = "xds", width_deg: float = 0.5) -> Told:
    fields = {"convention": convention, "distance_mm": None, **PANELS[convention]}
    panel = vars(Detector(pixel_mm=PIXEL_MM, pixels_fast=FAST, pixels_slow=SLOW, **fields))
    batch = Batch(recipe({"detector": panel}), Share(Path(), "small", 1, 1), 1)
    return Told("small", batch.header.instrument, Series(10 + width_deg * np.arange(4), width_deg), True)


def centres_m(instrument: Instrument) -> np.ndarray:
    """Centre of each pixel in the laboratory of the files."""
    geometry, pixel_m = instrument.geometry, instrument.geometry.modules[0].pixel_m[0]
    slow, fast = np.indices((SLOW, FAST))[..., None] + 0.5
    return geometry.origin_m + pixel_m * (fast * geometry.fast + slow * geometry.slow)


@pytest.mark.parametrize("convention", PANELS)
def test_crystfel_places_the_pixels(convention: str) -> None:
    made = told(convention)
    text = crystfel_geometry(made)
    assert text is not None
    said = dict(re.findall(r"^(?:panel/)?(\w+) = (.*)$", text, re.MULTILINE))
    fs, ss = (np.array([float(n) for n in re.findall(r"([+-][\d.]+)[xyz]", said[axis])]) for axis in ("fs", "ss"))
    corner_z_m = float(said["clen"].removesuffix(" m")) + float(said["coffset"])
    corner_px = np.array([float(said["corner_x"]), float(said["corner_y"]), corner_z_m * float(said["res"])])
    slow, fast = np.indices((SLOW, FAST))[..., None] + 0.5
    found = (corner_px + fast * fs + slow * ss) / float(said["res"])
    np.testing.assert_allclose(found, centres_m(made.instrument), rtol=0, atol=1e-9)
    assert (said["max_fs"], said["max_ss"]) == ("19", "23")


@pytest.mark.parametrize("convention", PANELS)
def test_xds_places_the_pixels(convention: str) -> None:
    made = told(convention)
    text = xds_input(made)
    assert text is not None
    said = {key: value.split() for key, value in re.findall(r"([\w-]+)= ([^=\n]*?)(?= [\w-]+=|$)", text, re.MULTILINE)}
    fast, slow = (np.array(said[f"DIRECTION_OF_DETECTOR_{axis}-AXIS"], float) for axis in "XY")
    column, row = np.meshgrid(np.arange(1, FAST + 1), np.arange(1, SLOW + 1))
    found = (
        float(said["QX"][0]) * (column[..., None] - float(said["ORGX"][0])) * fast
        + float(said["QY"][0]) * (row[..., None] - float(said["ORGY"][0])) * slow
        + float(said["DETECTOR_DISTANCE"][0]) * np.cross(fast, slow)
    )
    np.testing.assert_allclose(found / 1000, centres_m(made.instrument), rtol=0, atol=1e-8)
    assert said["NAME_TEMPLATE_OF_DATA_FRAMES"] == ["small_??????.h5"]
    assert said["DATA_RANGE"] == ["1", "4"]


def test_xds_turns_a_backward_scan_about_the_opposite_axis() -> None:
    forward, backward = (xds_input(told(width_deg=width)) for width in (0.5, -0.5))
    assert forward is not None
    assert backward is not None
    assert "ROTATION_AXIS= -1 0 0\nSTARTING_ANGLE= 10\nOSCILLATION_RANGE= 0.5" in forward
    assert "ROTATION_AXIS= 1 0 0\nSTARTING_ANGLE= -10\nOSCILLATION_RANGE= 0.5" in backward


@pytest.mark.parametrize("convention", PANELS)
def test_pyfai_loads_the_same_angles(convention: str, tmp_path: Path) -> None:
    pyfai = pytest.importorskip("pyFAI", reason="the readers are installed by nbjax[readers]")
    made = told(convention)
    text = pyfai_calibration(made)
    assert text is not None
    (tmp_path / "small.poni").write_text(text)
    seen = pyfai.load(str(tmp_path / "small.poni"))
    x, y, z = np.moveaxis(centres_m(made.instrument), -1, 0)
    np.testing.assert_allclose(seen.twoThetaArray((SLOW, FAST)), np.arctan2(np.hypot(x, y), z), rtol=0, atol=1e-6)
    # from its second axis, which is -x, to its first, which is up
    turned = np.angle(np.exp(1j * (seen.chiArray((SLOW, FAST)) - np.arctan2(y, -x))))
    # in single precision it is lost at the beam
    np.testing.assert_allclose(turned[np.hypot(x, y) > 2e-3], 0, atol=1e-5)
    assert seen.wavelength == pytest.approx(made.instrument.wavelength_A * 1e-10)


def test_a_geometry_that_changes_is_told_where_it_can_be(tmp_path: Path) -> None:
    made = told()
    drawn = replace(made, one_geometry=False, series=replace(made.series, distances_m=np.full(4, 0.1)))
    write_companions(tmp_path, drawn)
    assert [path.name for path in tmp_path.iterdir()] == ["small.geom"]
    assert "clen = /entry/instrument/detector/transformations/detector_z m" in (tmp_path / "small.geom").read_text()
    assert crystfel_geometry(replace(made, one_geometry=False)) is None
