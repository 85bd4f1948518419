"""Configurations of the files of processing programs: spots are where each file's own definitions put them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from positions import PIXELS, largest_shift_px
from written import (
    DIRECT,
    expt_scene,
    mosflm,
    mosflm_scene,
    stream,
    stream_scene,
    write_expt,
    xds_inp,
    xds_scene,
    xparm,
)

from nbjax import prepare
from nbjax.config.edit import with_values
from nbjax.config.tree import Beam, Config, Crystal, Detector
from nbjax.errors import FileError, UsageError
from nbjax.exchange.importing import import_files
from nbjax.resolve import resolve
from nbjax.resolve.panels import placement

_CLOSE_PX = 0.05


def written(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text)
    return str(folder / name)


@pytest.mark.parametrize("image", [None, 11])
def test_spots_of_a_dials_experiment(tmp_path: Path, image: int | None) -> None:
    config = import_files([f"{write_expt(tmp_path)}#1"], image).config
    assert largest_shift_px(config, expt_scene(image or 5)) < _CLOSE_PX
    assert config.beam.polarization == pytest.approx(0.8)
    # across the normal and the beam
    np.testing.assert_allclose(config.beam.polarization_axis, [-1.0, 0.0, 0.01], atol=1e-3)
    assert config.crystal.phi_range_deg == pytest.approx(0.5)


@pytest.mark.parametrize("version", [1, 2, 3])
def test_spots_of_xparm(tmp_path: Path, version: int) -> None:
    config = import_files([written(tmp_path, "XPARM.XDS", xparm(version))], 10).config
    assert largest_shift_px(config, xds_scene(version, 10)) < _CLOSE_PX


def test_spots_of_the_input_of_xds(tmp_path: Path) -> None:
    config = import_files([written(tmp_path, "XDS.INP", xds_inp())]).config
    assert largest_shift_px(config, xds_scene(1, 5)) < _CLOSE_PX
    assert config.beam.polarization == pytest.approx(0.98)


@pytest.mark.parametrize(("choice", "turn_deg"), [("3", 10.0), ("8.2", 30.0)])
def test_spots_of_a_stream(tmp_path: Path, choice: str, turn_deg: float) -> None:
    config = import_files([f"{written(tmp_path, 'x.stream', stream())}#{choice}"]).config
    assert largest_shift_px(config, stream_scene(turn_deg)) < _CLOSE_PX


@pytest.mark.parametrize("written_A", [1.0, 0.9])
def test_spots_of_a_mosflm_matrix(tmp_path: Path, written_A: float) -> None:
    detector = Detector(distance_mm=90.0, pixel_mm=0.2, pixels_fast=PIXELS[0], pixels_slow=PIXELS[1])
    crystal = Crystal(orientation_file=written(tmp_path, "a.mat", mosflm(written_A)), default_F=1.0)
    config = Config(Beam(wavelength_A=1.2), crystal, detector)
    assert largest_shift_px(config, mosflm_scene(1.2, 90.0, 0.2)) < _CLOSE_PX
    imported = import_files([crystal.orientation_file]).config
    assert imported.detector == Detector()
    config = Config(Beam(wavelength_A=1.2), imported.crystal, detector)
    assert largest_shift_px(config, mosflm_scene(1.2, 90.0, 0.2)) < _CLOSE_PX


def test_spots_of_nine_numbers(tmp_path: Path) -> None:
    """In the laboratory of the configuration."""
    scene = mosflm_scene(1.2, 90.0, 0.2)
    np.savetxt(tmp_path / "a.txt", scene.reciprocal)
    detector = Detector(distance_mm=90.0, pixel_mm=0.2, pixels_fast=PIXELS[0], pixels_slow=PIXELS[1])
    for crystal in (
        Crystal(orientation_file=str(tmp_path / "a.txt"), default_F=1.0),
        import_files([str(tmp_path / "a.txt")]).config.crystal,
    ):
        assert largest_shift_px(Config(Beam(wavelength_A=1.2), crystal, detector), scene) < _CLOSE_PX


def test_files_of_one_experiment_combine(tmp_path: Path) -> None:
    """A matrix of MOSFLM in the laboratory of XDS: its beam x is theirs, its spindle z as near as it goes."""
    inp = "\n".join(line for line in xds_inp().split("\n") if "UNIT_CELL" not in line)
    found = import_files([written(tmp_path, "XDS.INP", inp), written(tmp_path, "a.mat", mosflm(1.1))])
    assert found.config.detector.convention == "custom"
    assert not any("orientation" in remark for remark in found.remarks)
    alone = import_files([str(tmp_path / "a.mat")]).config.crystal
    assert found.config.crystal.cell_A == pytest.approx(alone.cell_A)
    with pytest.raises(FileError, match=r"b\.mat: has the cell .* give files of one crystal"):
        import_files([str(tmp_path / "a.mat"), written(tmp_path, "b.mat", "0.01 0 0 0 0.02 0 0 0 0.03")])
    with pytest.raises(FileError, match=r"XPARM\.XDS: was measured at 1\.1 A, .* at 1 A; give files of one"):
        import_files([written(tmp_path, "XDS.INP", "X-RAY_WAVELENGTH= 1.0"), written(tmp_path, "XPARM.XDS", xparm(1))])


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    inp = "JOB= ALL\nX-RAY_WAVELENGTH= 1.0\nUNIT_CELL_CONSTANTS= 50 60 70 90 90 90\n"
    remarks = import_files([written(tmp_path, "XDS.INP", inp)]).remarks
    for words in ("NX, NY, QX", "the orientation; add one", "no file tells of the detector", "structure factors"):
        assert any(words in remark for remark in remarks), words
    geometry = stream().split("-----\n")[1].replace("/LCLS/detector", "0.07").replace("----- End geometry file ", "")
    remarks = import_files([written(tmp_path, "a.geom", geometry)]).remarks
    assert any("no file tells of the crystal; add" in remark for remark in remarks)
    assert any("no file tells of the wavelength" in remark for remark in remarks)


def _with_cell(config: Config) -> Config:
    return with_values(config, {"crystal.cell_A": (50.0, 50.0, 50.0), "crystal.cell_deg": (90.0, 90.0, 90.0)})


def test_one_of_several_panels_and_all(tmp_path: Path) -> None:
    geometry = stream().split("-----\n")[1].replace("/LCLS/detector", "0.07").replace("----- End geometry file ", "")
    second = geometry.replace("q/", "r/").replace("corner_x = 120.4", "corner_x = 420.4")
    name = written(tmp_path, "a.geom", second + geometry)
    found = import_files([name])
    assert found.config.detector == Detector(file=name, convention="custom")
    assert any(line.startswith("panels: 2") for line in found.taken)
    panels = resolve(_with_cell(found.config)).detector.panels
    one, other = (import_files([name], panel=panel).config.detector for panel in ("r", "q"))
    assert one.org_x_px is not None
    assert one.org_x_px != other.org_x_px
    for alone, panel in zip((one, other), panels, strict=True):
        at = placement(panel, name)
        assert alone.org_x_px == pytest.approx(at.near_mm[0] / panel.pixel_mm[0] + 0.5)
    assert import_files([name], panel="0").config.detector == one
    with pytest.raises(UsageError, match="--panel x: is no panel of the files; they have r, q"):
        import_files([name], panel="x")


def test_a_distance_that_is_left_to_the_images(tmp_path: Path) -> None:
    geometry = stream().split("-----\n")[1].replace("----- End geometry file ", "")
    two = geometry + geometry.replace("q/", "r/").replace("corner_x = 120.4", "corner_x = 420.4")
    name = written(tmp_path, "a.geom", two)
    with pytest.raises(FileError, match="to be found in the images"):
        import_files([name])
    found = import_files([name], distance_mm=83.0).config
    assert found.detector.distance_mm == 83.0
    middles = [panel.middle_mm[2] for panel in resolve(_with_cell(found)).detector.panels]
    assert np.mean(middles) == pytest.approx(83.0)


def test_pixels_that_are_not_square_stay_in_their_file(tmp_path: Path) -> None:
    geometry = stream().split("-----\n")[1].replace("/LCLS/detector", "0.07").replace("----- End geometry file ", "")
    longer = re.sub(r"q/ss = .*", "q/ss = +1.49992x +0.015y", geometry)
    name = written(tmp_path, "a.geom", longer)
    found = import_files([name]).config
    assert found.detector.file == name
    fast_m, slow_m = prepare(_with_cell(found)).panel.pixel_sizes_m
    assert float(slow_m / fast_m) == pytest.approx(1.5, rel=1e-3)


def test_images_outside_the_scan(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="images 5 to 14, and no image 15"):
        import_files([f"{write_expt(tmp_path)}#1"], 15)
    with pytest.raises(UsageError, match="--image 2: none of the files tells of a scan"):
        import_files([written(tmp_path, "a.mat", mosflm(1.0))], 2)
    with pytest.raises(FileError, match=r"XPARM\.XDS: has the images 7 on, and no image 4; name one"):
        import_files([written(tmp_path, "XPARM.XDS", xparm(1))], 4)


def test_structure_factors_beside_an_experiment(tmp_path: Path) -> None:
    experiment = written(tmp_path, "XPARM.XDS", xparm(1))
    for name, content in (("a.hkl", "1 0 0 5.0\n0 1 0 6.0\n"), ("a.pdb", "CRYST1   50.000   61.000   72.000\n")):
        found = import_files([experiment, written(tmp_path, name, content)])
        key = "reflections_file" if name == "a.hkl" else "coordinates_file"
        assert getattr(found.config.crystal, key) == str(tmp_path / name)
        assert found.config.crystal.default_F is None
        assert not any("structure factors" in remark for remark in found.remarks)
        alone = import_files([str(tmp_path / name)])
        assert any("size; add crystal.cells" in remark for remark in alone.remarks)
        assert any("of the cell; add" in remark for remark in alone.remarks) == (name == "a.hkl")
    with pytest.raises(FileError, match=r"a\.pdb: is a second file of structure factors beside .*a\.hkl"):
        import_files([str(tmp_path / "a.hkl"), str(tmp_path / "a.pdb")])


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="a: is of no known kind, and tells of no experiment; give files of DIALS"):
        import_files([written(tmp_path, "a", "hello")])


def test_a_crystal_that_changes_during_the_scan(tmp_path: Path) -> None:
    """The chosen image has the mean of its two ends."""
    points = [np.linalg.inv(DIRECT * scale).ravel().tolist() for scale in np.linspace(1, 1.01, 11)]
    crystal = {f"real_space_{axis}": row.tolist() for axis, row in zip("abc", DIRECT, strict=True)}
    name = write_expt(tmp_path, crystal=[{**crystal, "A_at_scan_points": points}] * 2)
    lengths = [import_files([f"{name}#0"], image).config.crystal.cell_A[0] for image in (None, 5, 14)]
    ratios = np.array(lengths) / np.linalg.norm(DIRECT[0])
    np.testing.assert_allclose(ratios, [1.0, 1.0005, 1.0095], atol=1e-6)
