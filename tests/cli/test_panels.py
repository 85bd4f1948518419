"""``nbjax simulate`` and ``nbjax import`` of a detector of several panels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from panel_files import PANELS, SHEETS, write_geometry
from PIL import Image

from nbjax.cli import main
from nbjax.tracing.files import read_trace

CONFIG = (
    PANELS
    + """\
[output]
float_file = "a.bin"
{more}
"""
)


def _simulate(folder: Path, more: str = 'png_file = "a.png"') -> int:
    config = folder / "a.toml"
    config.write_text(CONFIG.format(file=write_geometry(folder), more=more))
    return main(["simulate", str(config), "--out", str(folder), "--no-progress"])


def test_files_of_several_panels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _simulate(tmp_path) == 0
    said = capsys.readouterr().out
    assert "3 x 12 x 12 pixels (panel x slow x fast)" in said
    assert "a.png: picture, 3 panels as seen along the beam" in said
    photons = np.fromfile(tmp_path / "a.bin", "<f4").reshape(3, 12, 12)
    assert photons[0, :10].min() > 0
    assert not photons[0, 10:].any()
    with Image.open(tmp_path / "a.png") as picture:
        # the panels span 16 mm, and the smallest pixels have 0.4
        assert 38 <= picture.width <= 44
        assert len({picture.getpixel((x, 0)) for x in range(picture.width)}) > 1


@pytest.mark.parametrize("key", ["integer_file", "noise_file", "pgm_file"])
def test_formats_of_one_panel_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], key: str) -> None:
    assert _simulate(tmp_path, f'{key} = "a.img"') == 2
    assert f"output.{key}: got" in capsys.readouterr().err
    assert not (tmp_path / "a.bin").exists()


def test_an_imported_geometry_is_simulated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    geometry = write_geometry(tmp_path)
    assert main(["import", geometry, "--out", str(tmp_path / "b.toml")]) == 0
    assert "panels: 3 in the groups pair" in capsys.readouterr().out
    keys = [
        "crystal.cell_A=[60,60,60]",
        "crystal.cell_deg=[90,90,90]",
        "crystal.cells=[3,3,3]",
        "crystal.default_F=100",
    ]
    sets = [word for key in (*keys, "output.float_file=b.bin", "sampling.oversample=1") for word in ("--set", key)]
    assert main(["simulate", str(tmp_path / "b.toml"), "--out", str(tmp_path), "--no-progress", *sets]) == 0
    assert _simulate(tmp_path) == 0
    assert np.array_equal(np.fromfile(tmp_path / "a.bin", "<f4"), np.fromfile(tmp_path / "b.bin", "<f4"))


@pytest.mark.parametrize("form", ["json", "h5", "txt"])
def test_a_pixel_is_traced_by_its_panel(tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    assert _simulate(tmp_path) == 0
    photons = np.fromfile(tmp_path / "a.bin", "<f4").reshape(3, 12, 12)
    out = str(tmp_path / f"t.{form}")
    pixels = ["--pixel", "1", "2", "3", "--pixel", "2", "2", "3"]
    capsys.readouterr()
    assert main(["trace", str(tmp_path / "a.toml"), *pixels, "--samples", "--out", out]) == 0
    assert "panel 1, slow 2, fast 3: " in capsys.readouterr().out
    document = read_trace(out)
    assert [pixel.place for pixel in document.pixels] == [(1, 2, 3), (2, 2, 3)]
    for pixel, sheet in zip(document.pixels, SHEETS[1:], strict=True):
        assert pixel.values["I_pixel_photons"] == pytest.approx(photons[pixel.panel, 2, 3], rel=1e-6)
        np.testing.assert_allclose(pixel.values["pix0_vector_m"], sheet.origin_mm / 1000, atol=1e-12)
        np.testing.assert_allclose(pixel.values["last_pixel_pos_m"], sheet.point_mm(3.5, 2.5) / 1000, atol=1e-12)
    assert main(["compare-traces", out, out, "--out", str(tmp_path / "compared")]) == 0


@pytest.mark.parametrize(
    ("pixel", "problem"),
    [
        (["2", "3"], "--pixel: got 2 3; name a pixel by slow and fast, after the number of its panel"),
        (["3", "0", "0"], "3 0 0 (panel slow fast) lies outside the image; give panel 0 to 2, slow 0 to 11 and fast 0"),
        (["0", "11", "0"], "0 11 0 (panel slow fast) is masked"),
    ],
)
def test_what_is_no_pixel_of_a_panel(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], pixel: list[str], problem: str
) -> None:
    config = tmp_path / "a.toml"
    config.write_text(CONFIG.format(file=write_geometry(tmp_path), more=""))
    assert main(["trace", str(config), "--pixel", *pixel, "--out", str(tmp_path / "t.json")]) == 2
    assert problem in capsys.readouterr().err


def test_a_shift_is_blamed_for_a_difference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "a.toml"
    config.write_text(CONFIG.format(file=write_geometry(tmp_path), more=""))
    out, shifted = str(tmp_path / "t.json"), ["--set", "detector.distance_mm=101.3"]
    pixels = ["--pixel", "0", "2", "3", "--pixel", "1", "4", "3", "--pixel", "2", "2", "6"]
    assert main(["trace", str(config), *pixels, "--out", out, *shifted]) == 0
    capsys.readouterr()
    assert main(["attribute", str(config), "--reference", out, "--out", str(tmp_path / "found")]) in (0, 1)
    assert "detector origin along the beam" in (tmp_path / "found" / "summary.md").read_text()
