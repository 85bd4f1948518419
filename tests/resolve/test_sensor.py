"""What stops photons: materials at every wavelength, gas and windows, as by Beer and Lambert in NumPy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import small_config
from panel_files import geometry_text, write_geometry

from nbjax import prepare, simulate, trace
from nbjax.config.edit import with_values
from nbjax.config.tree import Config, Detector
from nbjax.errors import ConfigError
from nbjax.io.materials import attenuation_per_m
from nbjax.resolve import resolve

PIXELS = np.array([[3, 4], [20, 15], [0, 0]])
BAND = {"dispersion_percent": 5.0}
STEPS = {"dispersion_steps": 3, "thickness_layers": 1}


def _config(beam: dict[str, Any] = BAND, **detector: Any) -> Config:
    return small_config(beam=beam, detector={"rotation_y_deg": 20.0, **detector}, sampling=STEPS)


def _captures(config: Config) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Capture of each sample, shape (pixels, sources), wavelength in A, airpath and cosine of each pixel."""
    stages = trace(prepare(config), PIXELS, samples=True)
    assert stages.samples is not None
    first = stages.samples[0]
    capture = np.asarray(first.capture)[:, 0, 0, 0, :, 0, 0]
    wavelengths_A = 1e10 * np.asarray(first.wavelength_m)[0, 0, 0, 0, :, 0, 0]
    cosine = np.asarray(stages.last.diffracted) @ np.asarray(stages.scene.normal)
    return capture, wavelengths_A, np.asarray(stages.last.airpath_m), cosine


def test_a_material_stops_each_wavelength_by_its_own_coefficient() -> None:
    found, wavelengths_A, _, cosine = _captures(_config(material="GaAs", thickness_um=20.0))
    assert len(set(wavelengths_A)) == 3
    per_m = attenuation_per_m("GaAs", wavelengths_A)
    assert per_m.max() > 1.05 * per_m.min()
    np.testing.assert_allclose(found, 1 - np.exp(-per_m * 20e-6 / cosine[:, None]), rtol=1e-9)


def test_gas_and_window_let_pass_what_beer_and_lambert_say() -> None:
    config = _config(material="Si", thickness_um=50.0, gas="air", window="kapton", window_um=125.0)
    found, wavelengths_A, airpath_m, cosine = _captures(config)
    silicon, air, kapton = (attenuation_per_m(name, wavelengths_A) for name in ("Si", "air", "kapton"))
    passed = np.exp(-air * airpath_m[:, None] - kapton * 125e-6 / cosine[:, None])
    np.testing.assert_allclose(found, passed * (1 - np.exp(-silicon * 50e-6 / cosine[:, None])), rtol=1e-9)
    alone = np.asarray(simulate(prepare(_config(gas="air"))))
    assert (alone < np.asarray(simulate(prepare(_config())))).all()


def test_one_wavelength_takes_the_coefficient_alone() -> None:
    resolved = resolve(_config({}, material="CdTe", thickness_um=100.0))
    (per_m,) = attenuation_per_m("CdTe", np.array([0.9]))
    assert resolved.detector.attenuation_depth_um == pytest.approx(1e6 / per_m, rel=1e-12)
    experiment = prepare(_config({}, material="CdTe", thickness_um=100.0))
    assert experiment.panel.attenuation is None
    assert float(experiment.panel.attenuation_per_m) == pytest.approx(per_m, rel=1e-12)


def test_panels_of_a_file_are_of_one_material_or_each_of_its_own(tmp_path: Path) -> None:
    file = write_geometry(tmp_path, geometry_text())
    base = with_values(small_config(beam=BAND, sampling=STEPS), {"crystal.hkl_file": None, "crystal.default_F": 30.0})
    detector = Detector(file=file, material="Si", thickness_um=100.0)
    several = prepare(with_values(base, {"detector": detector}))
    stages = trace(several, np.array([[1, 2, 3], [2, 4, 5]]), samples=True)
    assert stages.samples is not None
    wavelengths_A = 1e10 * np.asarray(stages.samples[0].wavelength_m)[0, 0, 0, 0, :, 0, 0]
    normals = np.asarray(stages.scene.normal)[[1, 2]]
    cosine = (np.asarray(stages.last.diffracted) * normals).sum(-1)
    wanted = 1 - np.exp(-attenuation_per_m("Si", wavelengths_A) * 1e-4 / cosine[:, None])
    found = np.asarray(stages.samples[0].capture)[:, 0, 0, 0, :, 0, 0]
    np.testing.assert_allclose(found, wanted, rtol=1e-9)
    np.testing.assert_allclose(
        np.asarray(simulate(several))[[1, 2], [2, 4], [3, 5]], np.asarray(stages.I_pixel_photons), rtol=1e-12
    )


@pytest.mark.parametrize(
    ("detector", "problem"),
    [
        ({"material": "Si"}, r"detector\.material: got 'Si' without a thickness"),
        (
            {"material": "Sj", "thickness_um": 3.0},
            r"detector\.material: got 'Sj', which is no material; did you mean Si",
        ),
        (
            {"material": "Si", "thickness_um": 3.0, "attenuation_depth_um": 4.0},
            r"detector\.material: given together with detector\.attenuation_depth_um",
        ),
        ({"gas": "aire"}, r"detector\.gas: got 'aire', which is no material; did you mean air"),
        ({"window": "kapton"}, r"detector\.window_um: missing"),
        ({"window_um": 3.0}, r"detector\.window: missing"),
    ],
)
def test_what_stops_nothing_is_named(detector: Any, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        resolve(_config(**detector))
