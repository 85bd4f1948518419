"""Programs of DIALS take the experiment lists that nbjax writes, and predict reflections where nbjax has them."""

from __future__ import annotations

import shutil
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from dials_programs import predictions, run

import nbjax
from nbjax.cli import main
from nbjax.config.edit import with_values
from nbjax.config.load import load_config
from nbjax.geometry.unit_cell import direct_vectors_m, invert_basis
from nbjax.io.header import smv_header
from nbjax.io.smv import write_smv
from nbjax.pipeline.image import complete_scene
from nbjax.preparation import header_fields
from nbjax.resolve import resolve
from nbjax.rotations import about_axis

pytestmark = [
    pytest.mark.dials,
    pytest.mark.skipif(shutil.which("dials.predict") is None, reason="DIALS is missing (Debian: apt install dials)"),
]

FILE = """
[beam]
wavelength_A = 1.1
polarization = 0.9
[crystal]
cell_A = [50.0, 61.0, 72.0]
cell_deg = [85.0, 96.0, 101.0]
misset_deg = [10.0, 20.0, 30.0]
default_F = 1.0
cells = [20, 16, 14]
phi_start_deg = 12.0
{range}
[detector]
convention = "{convention}"
distance_mm = 120.0
pixel_mm = 0.2
pixels_fast = 500
pixels_slow = 420
rotation_x_deg = 2.0
two_theta_deg = 5.0
"""


def places(path: Path, hkl: np.ndarray, phi_rad: np.ndarray) -> np.ndarray:
    """(fast, slow) in pixels where nbjax has reflections at their spindle angles."""
    with jax.enable_x64(True):
        experiment = nbjax.prepare(load_config(path))
        panel, crystal = complete_scene(experiment).panel, experiment.crystals[0]
        incident = experiment.beam.direction / experiment.beam.wavelength_m
        direct = direct_vectors_m(crystal.cell)

        def place(index: jax.Array, angle: jax.Array) -> jax.Array:
            reciprocal = invert_basis(direct @ about_axis(crystal.spindle.axis, angle).T)
            diffracted = incident + index @ reciprocal
            point = diffracted * (panel.origin_m @ panel.normal) / (diffracted @ panel.normal) - panel.origin_m
            return jnp.stack([point @ panel.fast, point @ panel.slow]) / experiment.panel.pixel_size_m

        return np.asarray(jax.vmap(place)(jnp.asarray(hkl, float), jnp.asarray(phi_rad)))


@pytest.mark.parametrize("convention", ["mosflm", "xds"])
@pytest.mark.parametrize("turn", ["phi_range_deg = 0.5", "phi_range_deg = -0.5", ""])
def test_predictions(tmp_path: Path, convention: str, turn: str) -> None:
    (tmp_path / "a.toml").write_text(FILE.format(convention=convention, range=turn))
    name = str(tmp_path / "a.toml")
    # the models of the list replace those of the image, whose reader takes no scan backwards
    forward = with_values(load_config(name), {"crystal.phi_range_deg": 0.5})
    image = np.zeros((420, 500), np.uint16)
    write_smv(str(tmp_path / "a_0001.img"), image, smv_header(header_fields(resolve(forward))))
    assert main(["export", name, "--out", str(tmp_path / "a.expt"), "--image", "a_0001.img"]) == 0
    said = run(tmp_path, "dials.show", "a.expt")
    assert "50.0" in said
    assert "wavelength: 1.1" in said
    run(tmp_path, "dials.predict", "a.expt", "d_min=2.5")
    columns = predictions(tmp_path)
    hkl, px, mm = (np.array(column) for column in columns)
    assert len(hkl) > 20
    sign = -1 if "-" in turn else 1
    phi_rad = sign * mm[:, 2] if turn else np.full(len(hkl), np.radians(12.0))
    difference = np.abs(places(tmp_path / "a.toml", hkl, phi_rad) - px[:, :2])
    # of a still DIALS turns a reflection into the sphere, where nbjax takes the ray through its point
    assert difference.max() < (1e-3 if turn else 0.1)
