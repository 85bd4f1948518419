"""Shots with spectra of their own in one fit."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from cases import small_config

from nbjax.config.edit import with_values
from nbjax.config.write import config_toml
from nbjax.errors import ConfigError
from nbjax.fit.measurement import read_measurement
from nbjax.fit.settings import load_settings

WEIGHTS = np.array([[1.0, 2.0, 1.0], [0.0, 1.0, 3.0], [5.0, 1.0, 0.0]])

IMAGE = np.random.default_rng(1).poisson(20.0, (24, 20))

FIT = """config = "start.toml"
[data]
files = {files}
[parameters."crystal.misset_deg"]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    with h5py.File("run.h5", "w") as file:
        file["images"] = np.stack([IMAGE] * 3)
        group = file.create_group("entry/instrument/beam")
        group["incident_wavelength"] = [0.89, 0.9, 0.92]
        group["incident_wavelength_weights"] = WEIGHTS
    start = with_values(small_config(), {"beam.wavelength_A": None, "beam.spectrum_file": str(tmp_path / "run.h5")})
    Path("start.toml").write_text(config_toml(start))
    np.save("a.npy", IMAGE)
    np.save("b.npy", IMAGE)
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_an_image_of_a_stack_has_the_spectrum_of_its_number() -> None:
    Path("FIT.toml").write_text(FIT.format(files='["run.h5"]\ndataset = "images"\nimages = [0, 2]'))
    measured = read_measurement(load_settings("FIT.toml"))
    assert [config.beam.spectrum_shot for config in measured.configs] == [0, 2]
    experiments = measured.problem.experiments
    for experiment, weights in zip(experiments, WEIGHTS[[0, 2]], strict=True):
        np.testing.assert_allclose(experiment.beam.sources.weights, weights / weights.sum(), rtol=1e-14)


@pytest.mark.usefixtures("folder")
def test_images_of_several_files_need_a_choice() -> None:
    Path("FIT.toml").write_text(FIT.format(files='["a.npy", "b.npy"]'))
    with pytest.raises(
        ConfigError, match=r"spectrum_file: has a spectrum for each shot, and .* 2 files of images; give"
    ):
        read_measurement(load_settings("FIT.toml"))
    config = Path("start.toml").read_text()
    Path("start.toml").write_text(config.replace("[beam]", "[beam]\nspectrum_shot = 1"))
    measured = read_measurement(load_settings("FIT.toml"))
    assert [config.beam.spectrum_shot for config in measured.configs] == [1, 1]
