"""Every image file that nbjax writes is read back by every command that reads its kind."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from datasets import rotation_recipe, written
from problems import PIXELS, config

import nbjax
from nbjax.cli import main
from nbjax.config.edit import with_values
from nbjax.config.load import load_config
from nbjax.config.write import config_toml
from nbjax.fit import measurement
from nbjax.fit.measurement import read_measurement
from nbjax.fit.settings import load_settings
from nbjax.io.images import read_images, read_mask
from nbjax.resolve import resolve

FIT = """config = "start.toml"
[data]
files = ["FILE"]
[loss]
kind = "gaussian"
[parameters.scale]
"""
FILES = {
    "output.float_file": "f.bin",
    "output.integer_file": "i.img",
    "output.noise_file": "n.img",
    "output.pgm_file": "p.pgm",
}
SHAPE = (PIXELS, PIXELS)


@pytest.fixture
def photons() -> np.ndarray:
    """The photons of a configuration whose files lie in the folder."""
    bright = {"beam.fluence_photons_per_m2": 4e29}
    Path("start.toml").write_text(config_toml(with_values(config(), FILES | bright)))
    assert main(["simulate", "start.toml"]) == 0
    return np.fromfile("f.bin", "<f4").reshape(SHAPE).astype(float)


def fitted(file: str) -> list[np.ndarray]:
    """Photons that a fit of a file sees; NaN where it uses none."""
    Path("FIT.toml").write_text(FIT.replace("FILE", file))
    with pytest.MonkeyPatch.context() as patched:
        # what the problem itself costs is not wanted here
        patched.setattr(measurement, "problem", lambda *given, **named: None)
        found = read_measurement(load_settings("FIT.toml"))
    return [np.where(used, image, np.nan) for image, used in zip(found.images, found.used, strict=True)]


def test_a_fit_reads_what_simulate_writes(photons: np.ndarray) -> None:
    [noise] = fitted("n.img")
    counted = np.fromfile("n.img", "<u2")[-(PIXELS**2) :].reshape(SHAPE) - 40.0
    assert (counted == 65495).any()
    np.testing.assert_array_equal(noise, np.where(counted == 65495, np.nan, counted))
    [scaled] = fitted("i.img")
    header = read_images("i.img")[0].header
    assert float(header["ADC_OFFSET"]) == 40.0
    assert np.abs(scaled - photons).max() <= 0.5001 / float(header["GAIN"])
    [bare] = fitted("f.bin")
    np.testing.assert_array_equal(bare, photons)
    [grey] = fitted("p.pgm")
    scale = read_images("p.pgm")[0].photons_per_count
    shown = ~np.isnan(grey)
    assert shown.any()
    assert (photons[~shown] >= 254.99 * scale).all()
    assert np.abs(grey - photons)[shown].max() <= 1.0001 * scale


def test_an_image_of_the_c_program_lacks_its_offset_and_this_is_said(photons: np.ndarray) -> None:
    start = load_config("start.toml")
    only = dict.fromkeys(FILES, None) | {"output.noise_file": "c.img"}
    Path("start.toml").write_text(config_toml(with_values(start, only | {"parity": ("header_overflow",)})))
    assert main(["simulate", "start.toml"]) == 0
    assert "ADC_OFFSET" not in read_images("c.img")[0].header
    Path("start.toml").write_text(config_toml(start))
    with_key = FIT.replace("[loss]", "pedestal_counts = 40.0\n[loss]")
    for text, said in ((FIT, True), (with_key, False)):
        Path("FIT.toml").write_text(text.replace("FILE", "c.img"))
        warnings = read_measurement(load_settings("FIT.toml")).warnings
        assert any("c.img says no ADC_OFFSET" in sentence for sentence in warnings) is said


def test_data_that_were_cut_without_saying_so_are_told(photons: np.ndarray) -> None:
    limit = int(np.sort(photons.reshape(-1))[-30])
    np.save("cut.npy", np.minimum(np.rint(photons), limit).astype(np.int32))
    with_key = FIT.replace("[loss]", f"saturation_counts = {limit}\n[loss]")
    for text, said in ((FIT, True), (with_key, False)):
        Path("FIT.toml").write_text(text.replace("FILE", "cut.npy"))
        warnings = read_measurement(load_settings("FIT.toml")).warnings
        assert any(f"give data.saturation_counts = {limit}" in sentence for sentence in warnings) is said


def test_attribute_takes_the_float_image_and_refuses_integers(
    photons: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save("f.npy", photons)
    with h5py.File("f.h5", "w") as file:
        file["image"] = photons
    for name in ("f.bin", "f.npy", "f.h5"):
        assert main(["attribute", "start.toml", "--reference", name, "--out", "a"]) == 0
        assert "equal: no quantity differs" in capsys.readouterr().out
    for name in ("n.img", "i.img", "p.pgm"):
        assert main(["attribute", "start.toml", "--reference", name, "--out", "b"]) == 2
        assert f"{name}: is an image of integers" in capsys.readouterr().err


def test_headers_and_masks_are_those_of_what_simulate_writes(photons: np.ndarray) -> None:
    start = load_config("start.toml")
    bare = {"detector.pixels_fast": None, "detector.pixels_slow": None, "detector.pixel_mm": None}
    for name in ("n.img", "i.img"):
        resolved = resolve(with_values(start, bare | {"detector.header_file": name}))
        assert (resolved.detector.pixels_slow, resolved.detector.pixels_fast) == SHAPE
        assert resolved.detector.pixel_mm == 0.25
    for name in ("n.img", "i.img", "p.pgm"):
        mask = resolve(with_values(start, {"detector.mask_file": name})).mask
        assert mask is not None
        np.testing.assert_array_equal(mask, read_images(name)[0].stored != 0)


def test_a_fit_reads_what_batch_writes(tmp_path: Path) -> None:
    recipe = rotation_recipe(pixels="uint32", also=("smv", "cbf"), noise=True)
    master = written(tmp_path / "set", recipe, images=4)
    Path("start.toml").write_text(config_toml(recipe.config))
    counts = np.stack([pixels for pixels, _ in nbjax.dataset.open(master)]).astype(float)
    np.testing.assert_array_equal(fitted("set/small_master.h5"), counts)
    np.testing.assert_array_equal(fitted("set/small_000001.h5"), counts[:3])
    np.testing.assert_array_equal(fitted("set/small_000002.h5"), counts[3:])
    for number, wanted in enumerate(counts):
        for suffix in ("img", "cbf"):
            np.testing.assert_array_equal(fitted(f"set/small_{number + 1:07d}.{suffix}"), wanted[None])
    image = read_images(master)[2]
    assert (image.dataset, image.index, image.saturation_counts) == ("entry/data/data", 2, 2**31 - 3)
    assert image.distance_mm == pytest.approx(100.0, rel=1e-12)
    assert image.wavelength_A == pytest.approx(0.9, rel=1e-12)


def test_the_mask_of_a_dataset_is_the_mask_of_the_next(tmp_path: Path) -> None:
    mask = np.ones((24, 20), "u1")
    mask[3, 4] = mask[20, 0] = 0
    np.save("mask.npy", mask)
    recipe = rotation_recipe(sections={"detector": {"mask_file": str(tmp_path / "mask.npy")}}, also=("cbf",))
    master = written(tmp_path / "set", recipe, images=1)
    np.testing.assert_array_equal(read_mask(master), mask != 0)
    Path("start.toml").write_text(config_toml(with_values(recipe.config, {"detector.mask_file": str(master)})))
    for name in ("set/small_master.h5", "set/small_000001.h5", "set/small_0000001.cbf"):
        np.testing.assert_array_equal(np.isnan(fitted(name)[0]), mask == 0)
