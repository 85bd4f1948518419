"""``nbjax simulate`` and ``nbjax import`` of a detector of several panels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from panel_files import write_geometry
from PIL import Image

from nbjax.cli import main

CONFIG = """
[crystal]
cell_A = [60, 60, 60]
cell_deg = [90, 90, 90]
cells = [3, 3, 3]
default_F = 100
[detector]
file = "{file}"
[sampling]
oversample = 1
[output]
float_file = "a.bin"
{more}
"""


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
