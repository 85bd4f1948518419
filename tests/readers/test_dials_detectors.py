"""DIALS takes detectors of many panels as nbjax writes them, with every panel and group where it is."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from corners import corners_mm
from detectors import several
from dials_programs import interpreter, run

from nbjax.io.experiments.dials_writing import experiment_list
from nbjax.io.experiments.recorded import RecordedExperiment

pytestmark = [
    pytest.mark.dials,
    pytest.mark.skipif(shutil.which("dials.show") is None, reason="DIALS is missing (Debian: apt install dials)"),
]

_CORNERS = """
import json, sys
from dxtbx.model.experiment_list import ExperimentListFactory
(experiment,) = ExperimentListFactory.from_json_file(sys.argv[1], check_format=False)
detector = experiment.detector
print(json.dumps({
    "corners": [[p.get_lab_coord((i * w, j * h)) for i in (0, 1) for j in (0, 1)]
                for p in detector for w, h in [p.get_image_size_mm()]],
    "bad": [[list(tile) for tile in p.get_mask()] for p in detector],
    "gain": [p.get_gain() for p in detector],
    "groups": [g.get_name() for g in detector.hierarchy() if g.is_group()],
    "beam": [list(experiment.beam.get_s0()), experiment.beam.get_wavelength()],
}))
"""


def opened(folder: Path, found: RecordedExperiment) -> dict:
    (folder / "a.expt").write_text(experiment_list(found))
    return json.loads(run(folder, interpreter(), "-c", _CORNERS, "a.expt"))


def test_every_corner(tmp_path: Path) -> None:
    found = several()
    said = opened(tmp_path, found)
    for panel, corners in zip(found.panels, said["corners"], strict=True):
        np.testing.assert_allclose(corners, corners_mm(panel), atol=1e-9)
    assert said["groups"] == ["arm", "other"]
    assert said["gain"] == [panel.gain for panel in found.panels]
    assert [len(tiles) for tiles in said["bad"]] == [0, 0, 2, 0, 2, 1, 0]
    np.testing.assert_allclose(said["beam"][0], [0, 0, 1 / 1.2345678912])
    assert "p6" in run(tmp_path, "dials.show", "a.expt")


def test_axes_with_few_digits(tmp_path: Path) -> None:
    found = several()
    panels = tuple(replace(panel, fast=np.round(panel.fast, 5), slow=np.round(panel.slow, 5)) for panel in found.panels)
    said = opened(tmp_path, replace(found, panels=panels))
    for panel, corners in zip(panels, said["corners"], strict=True):
        np.testing.assert_allclose(corners, corners_mm(panel), atol=1e-4)
