"""What nbjax writes it fits again, without being told anything about its own files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from problems import config

from nbjax.cli import main
from nbjax.config.edit import with_values
from nbjax.config.write import config_toml
from nbjax.fit import measurement
from nbjax.fit.measurement import read_measurement
from nbjax.fit.settings import load_settings
from nbjax.pipeline.image import simulate
from nbjax.preparation import prepare

FIT = """config = "start.toml"
[data]
files = ["FILE"]
MORE
[parameters."detector.distance_mm"]
[parameters.scale]
transform = "log"
[[stages]]
name = "sharp"
"""
TRUTH = [60.0, 1.0]
FLUENCE = {"beam.fluence_photons_per_m2": 1e30}
BRIGHT = config_toml(with_values(config(), FLUENCE))


def fitted(file: str, more: str = "") -> tuple[list[Any], list[Any]]:
    """Shots and inputs of a fit that starts 0.05 mm off."""
    start = with_values(config(), FLUENCE | {"detector.distance_mm": 60.05})
    Path("start.toml").write_text(config_toml(start))
    Path("FIT.toml").write_text(FIT.replace("FILE", file).replace("MORE", more))
    assert main(["fit", "FIT.toml", "--out", "out"]) == 0
    tree = json.loads(Path("out/parameters.json").read_text())
    return tree["shots"], tree["inputs"]


def seen() -> np.ndarray:
    """Photons that a fit sees, shape (shots, slow, fast); NaN where it uses none."""
    with pytest.MonkeyPatch.context() as patched:
        # what the problem itself costs is not wanted here
        patched.setattr(measurement, "problem", lambda *given, **named: None)
        found = read_measurement(load_settings("FIT.toml"))
    return np.where(found.used, found.images, np.nan)


def assert_true(shot: Any) -> None:
    assert (np.abs(np.subtract(shot["values"], TRUTH)) < 4 * np.array(shot["sigmas"])).all()
    assert shot["goodness"]["verdict"] == "good"
    assert shot["goodness"]["reduced_deviance"] == pytest.approx(1.0, abs=0.1)
    assert shot["goodness"]["correlation"] > 0.999


def test_counts_in_smv_with_offset_and_overloads() -> None:
    Path("truth.toml").write_text(BRIGHT)
    assert main(["simulate", "truth.toml", "--out", "made", "--set", 'output.noise_file="noise.img"']) == 0
    (shot,), (read,) = fitted("made/noise.img")
    assert_true(shot)
    # the brightest spots are beyond 16 bits
    assert shot["pixels"] < 64 * 64
    assert read["pedestal_counts"] == 40
    page = Path("out/report.html").read_text()
    for said in ("made/noise.img", "start.toml", "pedestal counts", "saturation counts", "nbjax 0.", "Agreement"):
        assert said in page
    # the key overrides the header
    by_header = seen()
    Path("FIT.toml").write_text(Path("FIT.toml").read_text().replace("[data]", "[data]\npedestal_counts = 0.0"))
    np.testing.assert_array_equal(seen(), by_header + 40.0)


def test_two_images_of_a_dataset_by_its_master() -> None:
    Path("set.toml").write_text(BRIGHT + '[dataset]\norientation = "config"\npixels = "uint16"\nframes_per_shard = 1\n')
    assert main(["batch", "set.toml", "--images", "2", "--out", "set"]) == 0
    Path("start.toml").write_text(BRIGHT)
    Path("FIT.toml").write_text(FIT.replace("FILE", "set/set_master.h5").replace("MORE", ""))
    photons = np.asarray(simulate(prepare(with_values(config(), FLUENCE))))
    for image in seen():
        used = ~np.isnan(image)
        # the brightest spots are beyond 16 bits
        assert not used.all()
        assert photons[~used].min() > 65534 - 5 * 256
        assert ((image - photons) ** 2 / photons)[used].mean() == pytest.approx(1.0, abs=4 * np.sqrt(2 / used.sum()))
    assert not np.array_equal(*seen(), equal_nan=True)
