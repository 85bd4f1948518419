"""Shots with spectra of their own in one fit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from cases import small_config

from nbjax.config.edit import with_values
from nbjax.config.write import config_toml
from nbjax.errors import ConfigError
from nbjax.fit.measurement import _of_panels, read_measurement
from nbjax.fit.settings import DataSettings, load_settings
from nbjax.io.experiments.recorded import RecordedPanel
from nbjax.io.images import Recorded
from nbjax.io.images.calibration import photons_of

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
def test_two_shots_are_several() -> None:
    with h5py.File("run.h5", "r+") as file:
        del file["entry/instrument/beam/incident_wavelength_weights"]
        file["entry/instrument/beam/incident_wavelength_weights"] = WEIGHTS[:2]
    Path("FIT.toml").write_text(FIT.format(files='["run.h5"]\ndataset = "images"\nimages = [1, 0]'))
    measured = read_measurement(load_settings("FIT.toml"))
    assert [config.beam.spectrum_shot for config in measured.configs] == [1, 0]


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


def panel(gain: float | None, saturation_counts: float | None) -> RecordedPanel:
    axes = np.eye(3)
    return RecordedPanel("p", axes[0], axes[0], axes[1], (0.1, 0.1), (4, 3), None, None, None, gain, saturation_counts)


BARE = Recorded(np.arange(24, dtype=np.int32).reshape(2, 3, 4), "a.npy")
PANELS = [panel(2.0, None), panel(4.0, 20.0)]
DATA = DataSettings(("a.npy",))


@pytest.mark.parametrize(
    ("data", "image", "panels", "wanted"),
    [
        (DATA, BARE, PANELS, ((None, 20.0), (0.5, 0.25))),
        (DATA, BARE, [PANELS[1]] * 2, (20.0, 0.25)),
        (DATA, BARE, [], (None, 1.0)),
        (replace(DATA, saturation_counts=9.0), BARE, PANELS, (9.0, (0.5, 0.25))),
        (replace(DATA, photons_per_count=3.0), BARE, PANELS, ((None, 20.0), 3.0)),
        # an image that tells of itself is not of the file's counts
        (DATA, replace(BARE, unit="photons"), PANELS, (None, 1.0)),
        (DATA, replace(BARE, wavelength_A=1.0), PANELS, (None, 1.0)),
        (DATA, replace(BARE, photons_per_count=0.1), PANELS, (None, 0.1)),
        (DATA, replace(BARE, saturation_counts=8.0), PANELS, (8.0, (0.5, 0.25))),
    ],
)
def test_limits_and_gains_are_those_asked_for_or_of_the_image_or_of_its_panels(
    data: DataSettings, image: Recorded, panels: list[RecordedPanel], wanted: tuple[object, object]
) -> None:
    assert _of_panels(data, image, panels) == wanted


def test_photons_of_each_panel_have_its_own_limit_and_gain() -> None:
    masked = replace(BARE, masked=BARE.stored == 5)
    found = photons_of(masked, 1.0, (None, 20.0), (0.5, 0.25))
    wanted = np.where(BARE.stored == 5, np.nan, (BARE.stored - 1.0) * np.array([0.5, 0.25])[:, None, None])
    wanted[1][BARE.stored[1] >= 20] = np.nan
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(photons_of(BARE, 0.0, None, 2.0), 2.0 * BARE.stored)
    one = photons_of(BARE, 0.0, 22.0, (1.0, 3.0))
    assert np.isnan(one).sum() == 2
    assert one[1, 0, 0] == 36.0


@pytest.mark.usefixtures("folder")
def test_pixels_that_count_are_those_of_the_mask_with_a_value() -> None:
    config = Path("start.toml").read_text()
    Path("start.toml").write_text(config.replace("[beam]", "[beam]\nspectrum_shot = 1"))
    mask = np.random.default_rng(2).random(IMAGE.shape) < 0.8
    holes = np.where(np.arange(20) == 3, np.nan, IMAGE)
    np.save("a.npy", holes)
    np.save("mask.npy", mask.astype(np.uint8))
    Path("FIT.toml").write_text(FIT.format(files='["a.npy"]\nmask_file = "mask.npy"'))
    measured = read_measurement(load_settings("FIT.toml"))
    np.testing.assert_array_equal(measured.used[0], mask & ~np.isnan(holes))
    np.testing.assert_array_equal(measured.images[0], holes)
    np.save("mask.npy", mask[:, :-1].astype(np.uint8))
    with pytest.raises(ConfigError, match=r"data.mask_file: .*give a mask of its size"):
        read_measurement(load_settings("FIT.toml"))
