"""``nbjax predict``."""

from __future__ import annotations

import csv
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image
from rotated_crystal import CONFIG

import nbjax
from nbjax.cli import main


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "c.toml"
    path.write_text(CONFIG)
    return str(path)


def test_files_hold_the_spots(config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spots = nbjax.predict(nbjax.prepare(nbjax.load_config(config)))
    for name in ("s.csv", "s.h5", "s.png"):
        assert main(["predict", config, "--out", str(tmp_path / name)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith(f"{len(spots)} spots, d from ")
    assert said[1] == f"wrote {tmp_path / 's.csv'}"
    with open(tmp_path / "s.csv") as handle:
        rows = list(csv.DictReader(handle))
    assert len(rows) == len(spots) > 10
    indices = [[int(row[name]) for name in "hkl"] for row in rows]
    np.testing.assert_array_equal(indices, spots.miller_index)
    centre = [[float(row["fast_px"]), float(row["slow_px"])] for row in rows]
    np.testing.assert_allclose(centre, spots.centre, rtol=1e-7)
    np.testing.assert_allclose([float(row["photons"]) for row in rows], spots.photons, rtol=1e-7)
    with h5py.File(tmp_path / "s.h5") as file:
        np.testing.assert_array_equal(file["miller_index"], spots.miller_index)
        np.testing.assert_allclose(file["xyzcal.px"][:, :2], spots.centre)
        angle = np.asarray(spots.angle_rad)
        np.testing.assert_allclose(file["xyzcal.px"][:, 2], (np.degrees(angle) - 5) / 0.5, atol=1e-9)
        np.testing.assert_allclose(file["xyzcal.mm"], np.column_stack([np.asarray(spots.centre) * 0.4, angle]))
        np.testing.assert_allclose(np.linalg.norm(file["s1"], axis=1), 1.0, rtol=1e-9)
        assert file["d"].attrs["units"] == "angstrom"
    with Image.open(tmp_path / "s.png") as picture:
        pixels = np.asarray(picture).astype(int)
    assert pixels.shape == (100, 120, 3)
    # an outline goes around each spot and leaves its middle alone
    red = pixels[..., 0] > pixels[..., 2] + 100
    fast, slow = np.asarray(spots.centre[int(np.argmax(spots.photons))]).astype(int)
    assert red.any()
    assert not red[slow, fast]


def test_spots_are_shown_and_compared(config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spots = nbjax.predict(nbjax.prepare(nbjax.load_config(config)))
    h, k, l = spots.miller_index[int(np.argmax(spots.photons))].tolist()  # noqa: E741
    one = np.full((100, 120), 50.0)
    np.save(tmp_path / "one.npy", one)
    two = one.copy()
    row = int(np.argsort(spots.photons)[-2])
    fast, slow = np.asarray(spots.centre[row]).astype(int)
    two[slow, fast] += 100
    np.save(tmp_path / "two.npy", two)
    files = [str(tmp_path / name) for name in ("one.npy", "two.npy")]
    out = ["--config", config, "--out", str(tmp_path / "shown.png"), "--dpi", "40"]
    assert main(["show", files[0], "--spots", "--indices", "3", "--zoom", "2", "--zoom", f"{h},{k},{l}", *out]) == 0
    assert main(["show", files[0], "--zoom", "99,99,99", *out]) == 2
    assert "--zoom 99,99,99: is no predicted spot" in capsys.readouterr().err
    assert main(["compare", *files, "--tolerance", "r=0.001", *out[:2]]) == 0
    assert main(["predict", config, "--out", str(tmp_path / "a.png"), "--annotate"]) == 0
    assert main(["simulate", config, "--out", str(tmp_path / "s"), "--annotate"]) == 0
    for name in ("a.png", "s/c.png"):
        with Image.open(tmp_path / name) as picture:
            assert picture.size[0] == 150 * 7.6
    index = " ".join(map(str, spots.miller_index[row].tolist()))
    assert f"\n  spot {index} at fast " in capsys.readouterr().out


def test_the_strongest_are_told(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", config]) == 0
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 12
    photons = [float(line.split()[-1]) for line in said[2:]]
    assert photons == sorted(photons, reverse=True)
    assert (
        main(["predict", config, "--set", "detector.beam_x_mm=-300.0", "--set", "crystal.cell_A=[2.0, 2.0, 2.0]"]) == 0
    )
    assert capsys.readouterr().out == "no spots: no reflection with an amplitude reaches a panel\n"


def test_faults_are_told(config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, sentence in (
        ([config, "--out", str(tmp_path / "s.txt")], "ends in .csv, .h5, .png"),
        ([config, "--out", str(tmp_path / "none" / "s.csv")], "none"),
        ([config, "--annotate"], "give --out FILE.png"),
        ([config, "--set", "detector.pixels_fast=-1"], "detector.pixels_fast"),
    ):
        assert main(["predict", *words]) == 2
        said = capsys.readouterr().err
        assert sentence in said
        assert len(said.splitlines()) == 1
    assert not list(tmp_path.glob("s.*"))
