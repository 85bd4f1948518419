"""Crystals of processing programs in the laboratory of a configuration."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from nbjax.config.tree import Beam, Config, Crystal, Detector
from nbjax.errors import ConfigError, FileError
from nbjax.geometry.conventions import CONVENTIONS
from nbjax.geometry.unit_cell import standard_direct
from nbjax.resolve import Resolved, resolve

DIRECT = np.array([[41.0, 3.0, -8.0], [2.0, 50.0, 9.0], [11.0, -7.0, 66.0]])
BEAM, AXIS = np.array([0.02, -0.01, -1.0]), np.array([1.0, 0.03, 0.01])


def experiment(folder: Path) -> str:
    """A list of one crystal."""
    tree = {
        "__id__": "ExperimentList",
        "experiment": [{"beam": 0, "crystal": 0, "goniometer": 0, "scan": 0}],
        "beam": [{"direction": (-BEAM).tolist(), "wavelength": 1.0}],
        "goniometer": [{"rotation_axis": AXIS.tolist()}],
        "scan": [{"image_range": [1, 2], "oscillation": [0.0, 1.0]}],
        "crystal": [{f"real_space_{axis}": row.tolist() for axis, row in zip("abc", DIRECT, strict=True)}],
    }
    (folder / "x.expt").write_text(json.dumps(tree))
    return str(folder / "x.expt")


def matrix(folder: Path) -> str:
    np.savetxt(folder / "a.mat", np.linalg.inv(DIRECT))
    return str(folder / "a.mat")


def resolved(name: str, convention: str = "xds", **crystal: object) -> Resolved:
    said = Crystal(orientation_file=name, default_F=1.0, **crystal)  # type: ignore[arg-type]
    return resolve(Config(Beam(wavelength_A=1.0), said, Detector(convention=convention)))  # type: ignore[arg-type]


def vectors(found: Resolved) -> np.ndarray:
    crystal = found.crystal
    return standard_direct(np.array(crystal.cell_A), np.radians(crystal.cell_deg)) @ crystal.orientation.T


@pytest.mark.parametrize("convention", ["mosflm", "denzo", "adxv", "xds", "dials"])
def test_beam_and_spindle_are_those_of_the_convention(tmp_path: Path, convention: str) -> None:
    """Components along the beam, along the spindle across the beam and along the third axis are the file's."""
    found = vectors(resolved(experiment(tmp_path), convention))
    beam = BEAM / np.linalg.norm(BEAM)
    across = AXIS - (AXIS @ beam) * beam
    across /= np.linalg.norm(across)
    theirs = DIRECT @ np.stack([beam, across, np.cross(beam, across)], axis=1)
    z, x = (np.array(each) for each in (CONVENTIONS[convention].beam, CONVENTIONS[convention].spindle_axis))
    np.testing.assert_allclose(found @ np.stack([z, x, np.cross(z, x)], axis=1), theirs, atol=1e-9)


def test_nine_numbers_are_in_the_laboratory_of_the_configuration(tmp_path: Path) -> None:
    for convention in ("mosflm", "xds"):
        np.testing.assert_allclose(vectors(resolved(matrix(tmp_path), convention)), DIRECT, atol=1e-9)


def test_under_custom_the_laboratory_is_the_files(tmp_path: Path) -> None:
    name = experiment(tmp_path)
    detector = Detector(convention="custom", fast_axis=(1.0, 0.0, 0.0), slow_axis=(0.0, -1.0, 0.0))
    beam = Beam(wavelength_A=1.0, direction=tuple(BEAM), polarization_axis=(1.0, 0.0, 0.0))
    crystal = Crystal(orientation_file=name, default_F=1.0)
    np.testing.assert_allclose(vectors(resolve(Config(beam, crystal, detector))), DIRECT, atol=1e-9)
    with pytest.raises(ConfigError, match=r"under the custom convention .* runs along 0\.02 -0\.009998 -0"):
        resolve(Config(Beam(wavelength_A=1.0), crystal, detector))


def test_what_other_keys_say_of_the_crystal(tmp_path: Path) -> None:
    name = experiment(tmp_path)
    lengths = np.linalg.norm(DIRECT, axis=1)
    found = resolved(name, cell_A=tuple(lengths * 1.002))
    assert found.crystal.cell_A == pytest.approx(lengths * 1.002)
    assert "the orientation is rescaled" in found.notes["crystal.cell_A"][1]
    with pytest.raises(ConfigError, match=r"orientation_file: its cell is .*; give the file of this crystal"):
        resolved(name, cell_A=tuple(lengths * 1.1))
    with pytest.raises(ConfigError, match=r"orientation_file: given together with crystal\.matrix_file"):
        resolved(name, matrix_file=matrix(tmp_path))
    useless = resolved(name, matrix_wavelength_A=0.9).warnings
    assert "crystal.matrix_wavelength_A has no effect without crystal.matrix_file" in useless
    assert any("measured at 1 A, beam.wavelength_A is 1.2" in w for w in _warnings(name, 1.2))
    assert any("degrees from the beam, that of the xds convention 90" in w for w in _warnings(name, 1.0))


def _warnings(name: str, wavelength_A: float) -> tuple[str, ...]:
    crystal = Crystal(orientation_file=name, default_F=1.0)
    return resolve(Config(Beam(wavelength_A=wavelength_A), crystal, Detector(convention="xds"))).warnings


def test_a_file_without_an_orientation(tmp_path: Path) -> None:
    (tmp_path / "a.cell").write_text(
        "CrystFEL unit cell file version 1.0\na = 50 A\nb = 6 nm\nc = 70 A\nal = 90 deg\nbe = 90 deg\nga = 90 deg\n"
    )
    with pytest.raises(FileError, match=r"a\.cell: .* give the cell as crystal\.cell_A = \[50, 60, 70\]"):
        resolved(str(tmp_path / "a.cell"))
    (tmp_path / "XDS.INP").write_text("X-RAY_WAVELENGTH= 1.0\n")
    with pytest.raises(FileError, match=r"XDS\.INP: tells of no crystal; give a file that indexing"):
        resolved(str(tmp_path / "XDS.INP"))
