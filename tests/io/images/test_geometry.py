"""The geometry that headers tell is that of the configuration whose image they head."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nbjax.config.load import load_with_sources
from nbjax.dataset.image_file import write_image
from nbjax.dataset.minicbf import write_counts
from nbjax.geometry.layout import Layout, recorded_layout
from nbjax.io.header import smv_header
from nbjax.io.images import read_images
from nbjax.io.images.geometry import told_geometry
from nbjax.io.smv import write_smv
from nbjax.preparation import header_fields
from nbjax.preparation.picture import layout_of
from nbjax.resolve import Resolved, resolve

_FLAT = """
[crystal]
cell_A = [50.0, 60.0, 70.0]
default_F = 1.0
[detector]
convention = "xds"
distance_mm = 90.0
pixel_mm = 0.3
pixels_fast = 30
pixels_slow = 20
beam_x_mm = 4.0
beam_y_mm = 2.0
"""
_TILTED = "rotation_x_deg = 7.0\nrotation_y_deg = -11.0\ntwo_theta_deg = 15.0\n"


def _resolved(tmp_path: Path, text: str) -> Resolved:
    (tmp_path / "c.toml").write_text(text)
    return resolve(*load_with_sources(str(tmp_path / "c.toml"), []))


def _told(path: Path) -> Layout | None:
    told = told_geometry(read_images(path)[0])
    return None if told is None else recorded_layout(told, str(path))


@pytest.mark.parametrize("kind", ["smv", "cbf", "nxmx"])
def test_headers_tell_what_the_configuration_says(kind: str, tmp_path: Path) -> None:
    resolved = _resolved(tmp_path, _FLAT if kind == "cbf" else _FLAT + _TILTED)
    path = tmp_path / f"image.{kind}"
    counts = np.ones((20, 30), np.int32)
    if kind == "smv":
        write_smv(path, counts.astype(np.uint16), smv_header(header_fields(resolved)))
    elif kind == "cbf":
        write_counts(path, counts, header_fields(resolved), 1.0, 1000)
    else:
        write_image(str(path), resolved, counts.astype(np.float32))
    wanted, told = layout_of(resolved), _told(path)
    assert told is not None
    # a header of SMV has six digits
    rtol = 2e-5 if kind == "smv" else 1e-6
    assert told.wavelength_A == pytest.approx(wanted.wavelength_A, rel=rtol)
    np.testing.assert_allclose(told.beam_centre(0), wanted.beam_centre(0), rtol=10 * rtol)
    np.testing.assert_allclose(told.pixel_sines()[0], wanted.pixel_sines()[0], rtol=10 * rtol, atol=1e-6)


def test_a_foreign_header_of_smv_is_taken_where_the_detector_does_not_swing(tmp_path: Path) -> None:
    words = [("PIXEL_SIZE", "0.1"), ("DISTANCE", "100"), ("WAVELENGTH", "1"), ("BEAM_CENTER_X", "1.5")]
    words += [("BEAM_CENTER_Y", "0.5")]
    path = tmp_path / "image.img"
    write_smv(path, np.ones((20, 30), np.uint16), [*words, ("TWOTHETA", "0")])
    told = _told(path)
    assert told is not None
    np.testing.assert_allclose(told.beam_centre(0), [5, 15])
    write_smv(path, np.ones((20, 30), np.uint16), [*words, ("TWOTHETA", "10")])
    assert _told(path) is None
    np.save(tmp_path / "image.npy", np.ones((20, 30)))
    assert _told(tmp_path / "image.npy") is None
