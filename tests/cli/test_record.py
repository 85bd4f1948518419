"""Recorded images in files: of ``nbjax simulate``, and of ``nbjax record``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nbjax.cli import main
from nbjax.io.images import read_images

CONFIG = """
[beam]
wavelength_A = 1.0
fluence_photons_per_m2 = 1e29
[crystal]
cell_A = [60, 60, 60]
cell_deg = [90, 90, 90]
cells = [3, 3, 3]
default_F = 100
[detector]
pixel_mm = 0.5
pixels_fast = 24
pixels_slow = 20
convention = "xds"
[sampling]
oversample = 1
"""
CHAIN = """
[[record]]
stage = "poisson"
[[record]]
stage = "gain"
counts_per_photon = 2.5
pedestal_counts = 30
[[record]]
stage = "readout"
sigma_counts = 1.0
[[record]]
stage = "saturation"
limit_counts = 9000
[[record]]
stage = "quantize"
bits = 16
"""
COUNTED = '[[record]]\nstage = "counting"\ndead_time_ns = 100\n[[record]]\nstage = "quantize"\nbits = 32\n'
BARE = '[beam]\nwavelength_A = 1.0\n[detector]\npixel_mm = 0.5\nconvention = "xds"\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    photons = np.full((20, 24), 50.0, np.float32)
    photons[3, 4] = 1e4
    np.save("photons.npy", photons)
    Path("photons.bin").write_bytes(photons.tobytes())
    Path("bare.toml").write_text(BARE + CHAIN)
    return tmp_path


@pytest.mark.parametrize("name", ["a.img", "a.h5", "a.nxs", "a.npy"])
def test_every_format_holds_the_record_and_what_it_means(folder: Path, name: str) -> None:
    Path("a.toml").write_text(CONFIG + CHAIN + f'[output]\nfloat_file = "a.bin"\nrecorded_file = "{name}"\n')
    assert main(["simulate", "a.toml", "--no-progress"]) == 0
    expected = np.fromfile("a.bin", np.float32).reshape(20, 24)
    [image] = read_images(name)
    assert image.stored.dtype == np.uint16
    photons = image.photons(*((30.0, 9000.0, 1 / 2.5) if name == "a.npy" else ()))
    error = (photons - expected) / np.sqrt(expected + 0.4**2 + 1)
    assert abs(error.mean()) < 4.5 / np.sqrt(error.size)
    if name != "a.npy":
        assert (image.pedestal_counts, image.photons_per_count) == pytest.approx((30.0, 0.4))
        # readers trust a pixel up to this number
        assert image.saturation_counts == 8999


def test_counting_detectors_write_cbf(folder: Path) -> None:
    Path("a.toml").write_text(CONFIG + COUNTED + '[output]\nrecorded_file = "a.cbf"\n')
    assert main(["simulate", "a.toml", "--no-progress", "--set", "detector.roi=[1, 23, 0, 19]"]) == 0
    [image] = read_images("a.cbf")
    assert np.array_equal(np.flatnonzero(image.bad[5]), [0])


def test_an_image_is_recorded_as_its_simulation_is(folder: Path) -> None:
    Path("a.toml").write_text(CONFIG + CHAIN)
    out = ["--set", "output.float_file=a.bin", "--set", "output.recorded_file=a.img"]
    assert main(["simulate", "a.toml", "--no-progress", *out]) == 0
    assert main(["record", "a.bin", "a.toml", "--out", "b.img"]) == 0
    # 32-bit floats move the photons by less than a count can notice here
    assert Path("a.img").read_bytes() == Path("b.img").read_bytes()
    assert main(["record", "a.bin", "a.toml", "--out", "c.img", "--set", "output.seed=2"]) == 0
    assert Path("c.img").read_bytes() != Path("b.img").read_bytes()


def test_photons_of_another_program_need_no_crystal(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["record", "photons.npy", "bare.toml", "--out", "a.img", "--scale", "2"]) == 0
    assert capsys.readouterr().out == "wrote a.img: SMV, recorded uint16 of 2.5 counts a photon above 30, 1 overloads\n"
    [image] = read_images("a.img")
    photons = image.photons()
    assert np.isnan(photons[3, 4])
    assert np.nanmean(photons) == pytest.approx(100.0, abs=4.5 * np.sqrt(100.2 / 480))
    sizes = ["--set", "detector.pixels_slow=20", "--set", "detector.pixels_fast=24"]
    assert main(["record", "photons.bin", "bare.toml", "--out", "b.img", "--scale", "2", *sizes]) == 0
    assert Path("a.img").read_bytes() == Path("b.img").read_bytes()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["photons.npy", "bare.toml", "--out", "a.h5"], "crystal.cell_A: is missing, and NXmx files have one"),
        (["photons.npy", "bare.toml", "--out", "a.xyz"], "--out: got 'a.xyz'; end its name in one of .img, .cbf"),
        (["photons.npy", "bare.toml", "--out", "a.cbf"], "--out: got 'a.cbf', which has no word for a gain"),
        (["photons.npy", "bare.toml", "--out", "a.img", "--scale", "0"], "--scale: got 0; give photons of 1"),
        (
            ["photons.npy", "bare.toml", "--out", "a.img", "--set", "record.4.bits=20"],
            "--out: got 'a.img', whose SMV holds 16 bits without a sign, and the record has uint32 numbers",
        ),
        (["photons.npy", "none.toml", "--out", "a.img"], "--out: needs the stages of a detector"),
        (
            ["photons.npy", "bare.toml", "--out", "a.img", "--set", "detector.pixels_slow=9"],
            "IMAGE: photons.npy, image 0 has 20 x 24 pixels (slow x fast), the detector has 9 x 205",
        ),
    ],
)
def test_faults_are_one_sentence(folder: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("none.toml").write_text(BARE)
    assert main(["record", *words]) == 2
    found = capsys.readouterr().err.splitlines()
    assert found[-1].startswith(f"nbjax: {said}")
    assert not Path(words[3]).exists()


def test_pixels_without_a_value_are_recorded_as_none(folder: Path) -> None:
    photons = np.full((20, 24), 5.0)
    photons[2, 3] = np.nan
    np.save("holes.npy", photons)
    assert main(["record", "holes.npy", "bare.toml", "--out", "a.npy"]) == 0
    assert np.argwhere(np.load("a.npy") == 0).tolist() == [[2, 3]]
    assert main(["record", "holes.npy", "bare.toml", "--out", "b.npy", "--set", 'record="jungfrau_photons"']) == 0
    assert np.argwhere(np.isnan(np.load("b.npy"))).tolist() == [[2, 3]]


def test_an_image_without_values_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save("holes.npy", np.full((20, 24), np.nan))
    assert main(["record", "holes.npy", "bare.toml", "--out", "a.img"]) == 2
    assert "IMAGE: holes.npy, image 0 has no pixel with a value" in capsys.readouterr().err


def test_an_image_is_not_written_over_by_its_record(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = Path("photons.npy").read_bytes()
    assert main(["record", "photons.npy", "bare.toml", "--out", "./photons.npy"]) == 2
    assert "--out: got './photons.npy', which is the image that is to be recorded" in capsys.readouterr().err
    assert Path("photons.npy").read_bytes() == before


def test_photons_below_zero_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save("negative.npy", np.full((20, 24), -1.0))
    assert main(["record", "negative.npy", "bare.toml", "--out", "a.img"]) == 2
    assert "has numbers below zero, and photons are wanted" in capsys.readouterr().err
