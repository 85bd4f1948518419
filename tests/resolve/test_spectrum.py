"""What a configuration says of spectrum and divergence, against the rays that come of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import jax.numpy as jnp
import numpy as np
import pytest
from cases import small_config

from nbjax.config.edit import with_values
from nbjax.config.tree import Config
from nbjax.errors import ConfigError
from nbjax.experiment import Experiment
from nbjax.fields import put
from nbjax.fit.configuration import fitted_config, fitted_sources, with_sources
from nbjax.io.sources import sources_text
from nbjax.parameters import find, parameters_of
from nbjax.pipeline.image import simulate
from nbjax.preparation import prepare
from nbjax.resolve import resolve
from nbjax.sampling.sources import Rays, SourceTable, incident_rays

WAVES, WEIGHTS = np.array([0.98, 0.99, 1.0, 1.02]), np.array([1.0, 2.0, 3.0, 2.0])
NEAR = {"detector.distance_mm": 20.0}
MEAN_A = float((WAVES * WEIGHTS).sum() / WEIGHTS.sum())


def beam(**values: Any) -> Config:
    return with_values(small_config(beam={"wavelength_A": None}), {f"beam.{key}": x for key, x in values.items()})


def rays_of(experiment: Experiment) -> Rays:
    b = experiment.beam
    return Rays(
        *map(np.asarray, vars(incident_rays(b.sources, b.direction, b.polarization_axis, b.wavelength_m)).values())
    )


@pytest.fixture
def file(tmp_path: Path) -> str:
    np.savetxt(tmp_path / "s.txt", np.stack([WAVES, WEIGHTS], 1), header="wavelength_A weight")
    return str(tmp_path / "s.txt")


@pytest.fixture
def shots(tmp_path: Path) -> str:
    with h5py.File(tmp_path / "shots.h5", "w") as handle:
        group = handle.create_group("entry/instrument/beam")
        group["incident_wavelength"] = WAVES
        group["incident_wavelength_weights"] = np.stack([WEIGHTS, WEIGHTS[::-1]])
    return str(tmp_path / "shots.h5")


def test_a_file_gives_wavelengths_weights_and_their_mean(file: str) -> None:
    resolved = resolve(beam(spectrum_file=file))
    assert resolved.beam.wavelength_A == pytest.approx(MEAN_A, rel=1e-14)
    assert resolved.notes["beam.wavelength_A"][1] == "mean of beam.spectrum_file"
    np.testing.assert_allclose(resolved.beam.source_wavelengths(), WAVES, rtol=1e-14)
    found = rays_of(prepare(beam(spectrum_file=file, wavelength_A=1.01)))
    np.testing.assert_allclose(found.wavelength_m * 1e10, WAVES, rtol=1e-14)
    np.testing.assert_allclose(found.weight, WEIGHTS / WEIGHTS.sum(), rtol=1e-14)
    shifted = rays_of(prepare(beam(spectrum_file=file, spectrum_offset_eV=12.0)))
    np.testing.assert_allclose(12398.4198 / (shifted.wavelength_m * 1e10), 12398.4198 / WAVES + 12, rtol=1e-7)


def test_a_shot_is_chosen(shots: str) -> None:
    for shot, weights in ((None, WEIGHTS), (0, WEIGHTS), (1, WEIGHTS[::-1])):
        found = rays_of(prepare(beam(spectrum_file=shots, spectrum_shot=shot)))
        np.testing.assert_allclose(found.weight, weights / weights.sum(), rtol=1e-14)


def test_directions_times_spectrum_are_the_sum_over_both(file: str) -> None:
    grid = {"divergence_horizontal_mrad": 2.0, "divergence_vertical_mrad": 1.0, "divergence_shape": "square"}
    experiment = prepare(beam(spectrum_file=file, **grid))
    found, alone = rays_of(experiment), rays_of(prepare(beam(**grid, wavelength_A=1.0)))
    np.testing.assert_allclose(found.incident, np.repeat(alone.incident, 4, axis=0), rtol=1e-13, atol=1e-16)
    np.testing.assert_allclose(found.wavelength_m * 1e10, np.tile(WAVES, 4), rtol=1e-13)
    np.testing.assert_allclose(found.weight.reshape(4, 4).sum(1), 0.25, rtol=1e-13)
    # and so is the image: a list of the same sources
    table = SourceTable(*(jnp.asarray(x) for x in (found.incident, found.wavelength_m, found.weight)))
    image = np.asarray(simulate(experiment))
    np.testing.assert_allclose(simulate(put(experiment, "beam.sources", table)), image, atol=1e-11 * image.max())


def test_a_gaussian_has_its_width_whatever_the_number_of_channels() -> None:
    for channels in (9, 33):
        found = rays_of(prepare(beam(wavelength_A=1.3, bandwidth_percent=2.0, channels=channels)))
        assert len(found.weight) == channels
        mean = (found.weight * found.wavelength_m).sum()
        rms = np.sqrt((found.weight * (found.wavelength_m - mean) ** 2).sum())
        assert mean == pytest.approx(1.3e-10, rel=1e-12)
        assert rms * np.sqrt(8 * np.log(2)) == pytest.approx(0.026e-10, rel=1e-6)


def test_a_gaussian_divergence_has_its_widths_and_no_cut() -> None:
    widths = {"divergence_horizontal_mrad": 3.0, "divergence_vertical_mrad": 1.0, "divergence_shape": "gaussian"}
    config = with_values(beam(wavelength_A=1.0, dispersion_percent=1.0, **widths), {"sampling.dispersion_steps": 3})
    config = with_values(config, {"sampling.divergence_horizontal_steps": 4})
    experiment = prepare(config)
    found, b = rays_of(experiment), experiment.beam
    assert len(found.weight) == 4 * 5 * 3
    # a horizontal turn is about beam x polarization, and so moves the ray along the polarization
    along = np.asarray(b.polarization_axis)
    for axis, mrad in ((along, 3.0), (np.cross(along, np.asarray(b.direction)), 1.0)):
        rms = np.sqrt((found.weight * np.arcsin(found.incident @ axis) ** 2).sum())
        assert rms * np.sqrt(8 * np.log(2)) * 1000 == pytest.approx(mrad, rel=1e-5)
    np.testing.assert_allclose(np.unique(np.round(found.wavelength_m * 1e10, 12)), [0.995, 1.0, 1.005], rtol=1e-12)


def test_spikes_follow_their_seed_and_keep_the_fluence() -> None:
    sase = {"wavelength_A": 1.3, "bandwidth_percent": 0.5, "spectrum_shape": "sase", "spike_width_percent": 0.05}
    one, same, other = (
        rays_of(prepare(config))
        for config in (
            beam(**sase),
            beam(**sase, spectrum_seed=1),
            replace(beam(**sase), output=replace(beam().output, seed=7)),
        )
    )
    np.testing.assert_array_equal(one.weight, same.weight)
    assert np.abs(one.weight - other.weight).max() > 0.1 * one.weight.max()
    assert one.weight.sum() == pytest.approx(1, rel=1e-14)


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"bandwidth_percent": 1.0}, "beam.bandwidth_percent"),
        ({"divergence_shape": "gaussian", "divergence_vertical_mrad": 1.0}, "beam.divergence_vertical_mrad"),
        (
            {"divergence_shape": "gaussian", "divergence_vertical_mrad": 1.0, "dispersion_percent": 1.0},
            "beam.dispersion_percent",
        ),
        ({"bandwidth_percent": 1.0}, "beam.wavelength_A"),
    ],
)
def test_widths_are_parameters(values: dict[str, Any], key: str) -> None:
    config = beam(**{"wavelength_A": 1.0, **values})
    experiment = prepare(config)
    parameter = parameters_of(experiment)[key]
    moved = parameter.set(experiment, parameter.get(experiment) * 1.2)
    wanted = prepare(with_values(config, {key: 1.2}))
    again = prepare(fitted_config(config, moved, [key]))
    for other in (wanted, again):
        np.testing.assert_allclose(rays_of(moved).incident, rays_of(other).incident, rtol=1e-13, atol=1e-16)
        np.testing.assert_allclose(rays_of(moved).wavelength_m, rays_of(other).wavelength_m, rtol=1e-13)
    assert fitted_sources(config, moved, [key]) is None


def test_what_is_no_width_is_no_parameter(file: str) -> None:
    plain = parameters_of(prepare(beam(spectrum_file=file)))
    for key in ("beam.bandwidth_percent", "beam.dispersion_percent"):
        assert key not in plain
    with pytest.raises(ConfigError, match="needs a Gaussian spectrum"):
        find(plain, "beam.bandwidth_percent")
    assert "beam.bandwidth_percent" not in parameters_of(prepare(beam(wavelength_A=1.0)))


def test_a_fitted_wavelength_takes_the_spectrum_of_a_file_along(file: str, tmp_path: Path) -> None:
    config = beam(spectrum_file=file, divergence_vertical_mrad=1.0)
    experiment = prepare(config)
    parameter = parameters_of(experiment)["beam.wavelength_A"]
    moved = parameter.set(experiment, parameter.get(experiment) * 1.01)
    sources = fitted_sources(config, moved, ["beam.wavelength_A"])
    assert sources is not None
    (tmp_path / "fitted.txt").write_text(sources_text(sources))
    again = prepare(with_sources(fitted_config(config, moved, ["beam.wavelength_A"]), str(tmp_path / "fitted.txt")))
    np.testing.assert_allclose(rays_of(again).wavelength_m, rays_of(experiment).wavelength_m * 1.01, rtol=1e-14)
    np.testing.assert_allclose(rays_of(again).incident, rays_of(experiment).incident, rtol=1e-14, atol=1e-16)
    np.testing.assert_allclose(rays_of(again).weight, rays_of(experiment).weight, rtol=1e-14)


def test_many_wavelengths_are_told_to_cost(tmp_path: Path) -> None:
    np.savetxt(tmp_path / "s.txt", np.stack([np.linspace(0.9, 1.1, 300), np.ones(300)], 1))
    resolved = resolve(beam(spectrum_file=str(tmp_path / "s.txt")))
    assert "the spectrum has 300 wavelengths, each of which costs" in resolved.remarks[-1]
    fewer = resolve(beam(spectrum_file=str(tmp_path / "s.txt"), channels=20))
    assert fewer.beam.count == 20
    assert not any("300 wavelengths" in remark for remark in fewer.remarks)
    value, origin = fewer.notes["derived.spectrum_mean_A"]
    assert value == pytest.approx(1.0, rel=1e-13)
    assert origin == "of 300 wavelengths: 1"


SASE = {"spectrum_shape": "sase", "bandwidth_percent": 0.1}


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"bandwidth_percent": 1.0, "dispersion_percent": 1.0}, r"dispersion_percent: given together with .*bandwidth"),
        ({"spectrum_shape": "gaussian"}, "bandwidth_percent: missing; beam.spectrum_shape needs a width"),
        ({"spectrum_shape": "sase", "bandwidth_percent": 0.0, "spike_width_percent": 0.1}, "bandwidth_percent: got 0;"),
        (SASE, "spike_width_percent: missing"),
        ({**SASE, "spike_width_percent": 0.2}, "spike_width_percent: got 0.2, wider than beam.bandwidth_percent = 0.1"),
        ({**SASE, "spike_width_percent": 1e-6}, "spike_width_percent: got 1e-06, which asks for more than"),
        ({**SASE, "spike_width_percent": 0.0}, "spike_width_percent: got 0, must be above zero"),
        ({"bandwidth_percent": 1.0, "spike_width_percent": 0.1}, 'belongs to beam.spectrum_shape = "sase"'),
        ({"spectrum_shot": 3}, "spectrum_shot: belongs to beam.spectrum_file"),
        ({"channels": 3}, "channels: belongs to beam.spectrum_file or beam.bandwidth_percent"),
        ({"bandwidth_percent": 1.0, "channels": 0}, "channels: got 0, must be a count of at least 1"),
        ({"bandwidth_percent": 70.0}, "bandwidth_percent: got 70, must be 0 to 60 %"),
        ({"spectrum_file": "none.txt"}, "spectrum_file: got 'none.txt', and there is no such file"),
    ],
)
def test_what_does_not_go_together_is_named(values: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        resolve(beam(**{"wavelength_A": 1.0, **values}))


def test_shots_that_are_not_there_are_named(shots: str, file: str) -> None:
    with pytest.raises(ConfigError, match=r"spectrum_shot: got 2, .*shots\.h5 has the shots 0 to 1; choose one"):
        resolve(beam(spectrum_file=shots, spectrum_shot=2))
    with pytest.raises(ConfigError, match=r"spectrum_shot: got 1, .*s\.txt has one spectrum, shot 0"):
        resolve(beam(spectrum_file=file, spectrum_shot=1))
    with pytest.raises(ConfigError, match="spectrum_offset_eV: got -900000, with which"):
        resolve(beam(spectrum_file=file, spectrum_offset_eV=-9e5))
    with pytest.raises(ConfigError, match="parity: source_weights ignores the weights"):
        resolve(replace(beam(spectrum_file=file), parity=("all",)))


def test_a_gaussian_divergence_has_no_spacing() -> None:
    config = beam(wavelength_A=1.0, divergence_shape="gaussian", divergence_vertical_mrad=1.0)
    with pytest.raises(ConfigError, match="vertical_step_mrad: a Gaussian divergence has no"):
        resolve(with_values(config, {"sampling.divergence_vertical_step_mrad": 0.5}))


@pytest.mark.parametrize(
    ("channels", "cells", "told"), [(21, 60, True), (21, 5, False), (400, 60, False), (1, 60, False)]
)
def test_gaps_between_wavelengths_are_told(channels: int, cells: int, told: bool) -> None:
    config = with_values(
        beam(wavelength_A=1.0, bandwidth_percent=2.0, channels=channels),
        {"crystal.cells": (cells, cells, cells), **NEAR},
    )
    remarks = [remark for remark in resolve(config).remarks if "neighbouring wavelengths" in remark]
    assert bool(remarks) == told
    turning = with_values(config, {"crystal.phi_range_deg": 1.0, "sampling.phi_steps": 5})
    assert not any("neighbouring wavelengths" in remark for remark in resolve(turning).remarks)


def test_the_number_that_is_asked_for_leaves_no_gap() -> None:
    config = with_values(beam(wavelength_A=1.0, bandwidth_percent=2.0), {"crystal.cells": (60, 60, 60), **NEAR})
    (remark,) = [remark for remark in resolve(config).remarks if "neighbouring wavelengths" in remark]
    wanted = int(remark.split("; about ")[1].split()[0])
    again = resolve(with_values(config, {"beam.channels": wanted}))
    assert not any("neighbouring wavelengths" in remark for remark in again.remarks)
