"""Images of ``nbjax simulate`` in NXmx files, and the geometries that ``nbjax export`` writes beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import jax
import numpy as np
import pytest
from panel_files import SHEETS, write_geometry

from nbjax.cli import main
from nbjax.config.load import load_config
from nbjax.dataset.laboratory import nexus_geometry
from nbjax.io.experiments import read_experiment
from nbjax.io.images import panel_images, read_images
from nbjax.plot.exposure import Wanted, read_exposure
from nbjax.preparation import placed_panels
from nbjax.resolve import resolve

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
{detector}
[sampling]
oversample = 1
[output]
{output}
"""
ALONE = 'pixel_mm = 0.5\npixels_fast = 12\npixels_slow = 10\nconvention = "xds"\nroi = [1, 10, 0, 9]'
FILES = {"float_file": "a.h5", "integer_file": "b.nxs", "noise_file": "c.h5", "png_file": "a.png"}


def simulated(folder: Path, several: bool, **files: str) -> Path:
    """Configuration of images that are written."""
    detector = f'file = "{write_geometry(folder)}"\nrotation_y_deg = 3.0' if several else ALONE
    output = "\n".join(f'{key} = "{name}"' for key, name in (files or FILES).items())
    config = folder / "a.toml"
    config.write_text(CONFIG.format(detector=detector, output=output))
    assert main(["simulate", str(config), "--out", str(folder), "--no-progress"]) == 0
    return config


def photons_of(path: Path, several: bool) -> np.ndarray:
    if not several:
        [image] = read_images(path)
        return image.photons()
    [image] = panel_images(path, read_experiment(str(path)).panels)
    return image.photons()


@pytest.mark.parametrize("several", [False, True], ids=["one panel", "three panels"])
def test_images_are_read_as_they_were_written(
    several: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    simulated(tmp_path, several)
    said = capsys.readouterr().out
    assert "a.h5: NXmx, photons as 4-byte floats" in said
    assert "b.nxs: NXmx, photons times " in said
    assert "c.h5: NXmx, " in said
    floats, whole, drawn = (photons_of(tmp_path / name, several) for name in ("a.h5", "b.nxs", "c.h5"))
    assert floats.shape == ((3, 12, 12) if several else (10, 12))
    for name, photons in (("a.h5", floats), ("c.h5", drawn)):
        # a picture needs no configuration beside
        shown = read_exposure(str(tmp_path / name), wanted=Wanted(unit="photons", overloads=False))
        np.testing.assert_array_equal(shown.values, photons)
        assert shown.layout is not None
    known = np.isfinite(floats)
    assert known.sum() == (sum(np.prod(sheet.pixels) for sheet in SHEETS) if several else 100)
    brightest = floats[known].max()
    np.testing.assert_allclose(whole[known], floats[known], atol=0.51 * brightest / 55000)
    assert (drawn[known] == np.rint(drawn[known])).all()
    assert abs(drawn[known].sum() - floats[known].sum()) < 5 * np.sqrt(floats[known].sum())
    for other in (whole, drawn):
        np.testing.assert_array_equal(np.isfinite(other), known)
    with h5py.File(tmp_path / "c.h5") as file:
        assert file["entry/data/data"].dtype == np.uint32
        assert file["entry/instrument/detector/saturation_value"][()] == 2**31 - 3
    bare = simulated(tmp_path, several, float_file="a.bin").with_name("a.bin")
    np.testing.assert_array_equal(np.fromfile(bare, "<f4").reshape(floats.shape)[known], floats[known])


@pytest.mark.parametrize("several", [False, True], ids=["one panel", "three panels"])
def test_exported_geometries_place_the_same_array(several: bool, tmp_path: Path) -> None:
    """Up to the turn between the laboratories, by the distances of all corners; the places are those of the file."""
    config = simulated(tmp_path, several, float_file="a.h5")
    resolved = resolve(load_config(config))
    turn = nexus_geometry(resolved).rotation
    placed = jax.tree.map(np.asarray, placed_panels(resolved))
    names, texts = ("a.geom", "a.expt"), []
    for name in names:
        assert main(["export", str(config), "--out", str(tmp_path / name)]) == 0
        texts.append(read_experiment(str(tmp_path / name)))
    for found in (read_experiment(str(tmp_path / "a.h5")), *texts):
        corners = np.concatenate([panel.corners_mm for panel in found.panels])
        sizes = [panel.size_mm for panel in found.panels]
        origins = [1000 * turn @ origin for origin in placed.origin_m]
        wanted = np.concatenate(
            [
                o + np.array([0 * f, w * f, h * s, w * f + h * s])
                for o, f, s, (w, h) in zip(origins, placed.fast @ turn.T, placed.slow @ turn.T, sizes, strict=True)
            ]
        )
        np.testing.assert_allclose(distances(corners), distances(wanted), atol=1e-6)
        beam = found.beam_axis
        assert beam is not None
        np.testing.assert_allclose(corners @ beam / np.linalg.norm(beam), wanted[:, 2], atol=1e-6)
        if several:
            assert [(group.name, group.panels) for group in found.groups] == [("pair", (0, 1))]
    [by_geom], [by_itself] = (
        (panel_images(tmp_path / "a.h5", read_experiment(str(tmp_path / name)).panels) for name in ("a.geom", "a.h5"))
        if several
        else ([read_images(tmp_path / "a.h5")[0]], [read_images(tmp_path / "a.h5")[0]])
    )
    np.testing.assert_array_equal(by_geom.photons(), by_itself.photons())
    geometry = (tmp_path / "a.geom").read_text()
    assert ("dim1 = 2" in geometry) == several
    assert "/data = /entry/data/data" in geometry


def distances(points: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.norm(points[:, None] - points[None], axis=-1))


def test_a_nxmx_image_is_a_reference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Outside of the region of interest, and where a panel ends, it has no value."""
    config = simulated(tmp_path, False, float_file="a.h5")
    words = ["attribute", str(config), "--reference", str(tmp_path / "a.h5"), "--out", str(tmp_path / "report")]
    assert main(words) == 0
    assert "equal" in capsys.readouterr().out


def test_a_nxmx_image_of_several_panels_is_a_reference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = simulated(tmp_path, True, float_file="a.h5")
    words = ["attribute", str(config), "--reference", str(tmp_path / "a.h5"), "--out", str(tmp_path / "report")]
    assert main(words) == 0
    assert "equal" in capsys.readouterr().out
    assert main([*words, "--set", "detector.rotation_y_deg=3.01"]) == 0
    assert "detector.rotation_y_deg" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--out", "a.txt"], "a.txt: is no name of such a file; give one that ends in .expt or .geom"),
        (["--out", "a.geom", "--image", "a.img"], "--image a.img: a geometry names no image; leave it out"),
    ],
)
def test_what_is_no_export(words: list[str], problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.toml").write_text(CONFIG.format(detector=ALONE, output=""))
    assert main(["export", str(tmp_path / "a.toml"), *words]) == 2
    assert problem in capsys.readouterr().err


def test_a_curved_panel_is_no_nxmx_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config: Any = tmp_path / "a.toml"
    config.write_text(CONFIG.format(detector=f"{ALONE}\ncurved = true", output='float_file = "a.h5"'))
    assert main(["simulate", str(config), "--out", str(tmp_path), "--no-progress"]) == 2
    assert "output.float_file: got" in capsys.readouterr().err
    assert not (tmp_path / "a.h5").exists()
