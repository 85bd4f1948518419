"""DIALS opens images of several panels with every corner and every pixel where it is.

A stage of its own, as ``test_dials.py``.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from corners import corners_mm
from dials_programs import interpreter, run
from panel_files import SHEETS, geometry_text, write_geometry

from nbjax.cli import main
from nbjax.dataset.reading import Images
from nbjax.io.experiments import read_experiment
from nbjax.io.images import panel_images

pytestmark = [
    pytest.mark.dials,
    pytest.mark.skipif(shutil.which("dials.show") is None, reason="DIALS is missing (Debian: apt install dials)"),
]

CONFIG = """
[beam]
wavelength_A = 1.2
fluence_photons_per_m2 = 1e26
[crystal]
cell_A = [60, 60, 60]
cell_deg = [90, 90, 90]
cells = [3, 3, 3]
default_F = 100
[detector]
file = "{file}"
rotation_y_deg = 3.0
[sampling]
oversample = 1
"""
IMGCIF = np.diag([-1.0, 1.0, -1.0])
"""From the laboratory of NeXus to that of DIALS."""
_SHOWN = """
import json, sys
import dxtbx, numpy
import dxtbx.util
image = dxtbx.load(sys.argv[1])
detector = image.get_detector()
raw = image.get_raw_data(1)
print(json.dumps({
    "corners": [[p.get_lab_coord((i * w, j * h)) for i in (0, 1) for j in (0, 1)]
                for p in detector for w, h in [p.get_image_size_mm()]],
    "pixels": [panel.as_numpy_array().tolist() for panel in raw],
    "wavelength": image.get_beam().get_wavelength(),
    "groups": [node.get_name() for node in detector.hierarchy()],
}))
"""


def shown(path: Path) -> dict:
    """What dxtbx says of the second image of a file."""
    try:
        return json.loads(run(path.parent, interpreter(), "-c", _SHOWN, path.name))
    except AssertionError as failure:
        if "assert len(image_size) == 2" in str(failure):
            pytest.skip("this version of DIALS reads two-dimensional images only")
        raise


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a dataset of two images in two shards."""
    folder = tmp_path_factory.mktemp("images")
    # earlier versions want panels of one width
    sheets = tuple(replace(sheet, pixels=(12, sheet.pixels[1])) for sheet in SHEETS)
    text = CONFIG.format(file=write_geometry(folder, geometry_text(sheets))) + "[dataset]\nframes_per_shard = 1\n"
    (folder / "few.toml").write_text(text)
    assert (
        main(["batch", str(folder / "few.toml"), "--images", "2", "--out", str(folder / "out"), "--no-progress"]) == 0
    )
    return folder / "out"


@pytest.mark.parametrize("name", ["few_master.h5", "few_2d.h5"])
def test_every_corner_and_pixel(images: Path, name: str) -> None:
    said = shown(images / name)
    panels = read_experiment(str(images / name)).panels
    for panel, corners in zip(panels, said["corners"], strict=True):
        # 1 micrometre
        np.testing.assert_allclose(corners, corners_mm(panel) @ IMGCIF, atol=1e-3)
    assert said["wavelength"] == pytest.approx(1.2)
    stored = panel_images(images / name, panels)[1].stored
    np.testing.assert_array_equal(stored, Images(images / "few_master.h5")[1][0])
    for panel, pixels, own in zip(panels, said["pixels"], stored, strict=True):
        fast, slow = panel.pixels
        np.testing.assert_array_equal(np.array(pixels), own[:slow, :fast])
