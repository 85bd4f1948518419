"""DIALS predicts the spots of an exported experiment where nbjax does, on the detector and on the spindle."""

from __future__ import annotations

import shutil
from pathlib import Path

import jax
import numpy as np
import pytest
from dials_programs import predictions, run

import nbjax
from nbjax.cli import main
from nbjax.io.header import smv_header
from nbjax.io.smv import write_smv
from nbjax.preparation import header_fields
from nbjax.resolve import resolve

pytestmark = [
    pytest.mark.dials,
    pytest.mark.skipif(shutil.which("dials.predict") is None, reason="DIALS is missing (Debian: apt install dials)"),
]

FILE = """
[beam]
wavelength_A = 1.1
[crystal]
model = "closed"
cell_A = [50.0, 61.0, 72.0]
cell_deg = [85.0, 96.0, 101.0]
misset_deg = [10.0, 20.0, 30.0]
default_F = 100.0
cells = [200, 180, 160]
mosaicity_deg = 0.005
phi_start_deg = 12.0
phi_range_deg = 1.0
[detector]
convention = "xds"
distance_mm = 120.0
pixel_mm = 0.2
pixels_fast = 500
pixels_slow = 420
rotation_x_deg = 2.0
two_theta_deg = 5.0
"""


def test_strong_spots_are_where_dials_has_them(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(FILE)
    config = nbjax.load_config(tmp_path / "a.toml")
    write_smv(str(tmp_path / "a_0001.img"), np.zeros((420, 500), np.uint16), smv_header(header_fields(resolve(config))))
    words = ["export", str(tmp_path / "a.toml"), "--out", str(tmp_path / "a.expt"), "--image", "a_0001.img"]
    assert main(words) == 0
    run(tmp_path, "dials.predict", "a.expt", "d_min=2.0")
    columns = predictions(tmp_path)
    hkl, px, mm = (np.array(column) for column in columns)
    with jax.enable_x64(True):
        spots = jax.tree.map(np.asarray, nbjax.predict(nbjax.prepare(config)))
    strong = np.flatnonzero((spots.partiality > 0.5) & (spots.spacing_m > 2.0e-10) & np.isfinite(spots.spacing_m))
    assert len(strong) > 200
    places, angles_deg = np.full((len(strong), 2), np.inf), np.full(len(strong), np.inf)
    for number, row in enumerate(strong):
        same = np.flatnonzero((hkl == spots.miller_index[row]).all(1))
        if len(same):
            nearest = same[np.abs(mm[same, 2] - spots.angle_rad[row]).argmin()]
            places[number] = px[nearest, :2] - spots.centre[row]
            angles_deg[number] = np.degrees(mm[nearest, 2] - spots.angle_rad[row])
    agrees = (np.abs(places).max(1) < 0.1) & (np.abs(angles_deg) < 0.01)
    assert agrees.mean() >= 0.99
    assert len(hkl) < 1.02 * len(strong)
