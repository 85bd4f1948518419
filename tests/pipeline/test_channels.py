"""Structure factors with a table for each of a few wavelengths."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from crystal_models import MODELS

from nbjax import prepare, put, simulate, trace
from nbjax.config.tree import Beam, Config, Crystal, Detector, Sampling
from nbjax.errors import ConfigError
from nbjax.experiment import Experiment
from nbjax.parameters import find, parameters_of

EDGE_A = 1.2815
"""Near the K edge of the model's zinc, where f' changes by electrons."""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(MODELS["trigonal"].written(tmp_path_factory.mktemp("model") / "a.cif"))


@cache
def config(path: str, channels: int | None, wavelength_A: float = EDGE_A, waves: int | None = 3) -> Config:
    return Config(
        Beam(wavelength_A=wavelength_A, dispersion_percent=2.0 if waves else None),
        Crystal(
            coordinates_file=path,
            coordinates_resolution_A=3.5,
            cells=(5, 5, 5),
            anomalous_channels=channels,
            misset_deg=(10.0, 20.0, 30.0),
        ),
        Detector(distance_mm=60.0, pixel_mm=1.5, pixels_fast=20, pixels_slow=24),
        Sampling(oversample=1, dispersion_steps=waves),
    )


@cache
def three(path: str) -> Experiment:
    return prepare(config(path, 3))


def test_each_source_scatters_with_the_table_of_its_wavelength(path: str) -> None:
    experiment = three(path)
    image = np.asarray(simulate(experiment))
    wavelengths_A = np.asarray(experiment.crystal.factors.wavelengths_m) * 1e10
    alone = [np.asarray(simulate(prepare(config(path, None, float(wave), None)))) for wave in wavelengths_A]
    np.testing.assert_allclose(image, sum(alone) / 3, rtol=1e-12, atol=1e-12 * image.max())
    one = np.asarray(simulate(prepare(config(path, None))))
    assert np.abs(image - one).max() > 1e-2 * image.max()


def test_a_trace_shows_the_amplitude_of_each_source(path: str) -> None:
    experiment = three(path)
    stages = trace(experiment, [(3, 4), (10, 11)], samples=True)
    np.testing.assert_allclose(stages.I_pixel_photons, simulate(experiment)[(3, 10), (4, 11)], rtol=1e-12)


def test_one_channel_is_no_channel(path: str) -> None:
    none, single = prepare(config(path, None)), prepare(config(path, 1))
    assert jax.tree.structure(none) == jax.tree.structure(single)
    assert none.crystal.factors.values.ndim == 3
    np.testing.assert_array_equal(none.crystal.factors.values, single.crystal.factors.values)


def test_the_derivative_by_the_wavelength_has_the_change_of_the_amplitudes(path: str) -> None:
    experiment = three(path)
    wider = experiment.crystal.factors.wavelengths_m + jnp.array([-1e-12, 1e-14, 1e-12])
    experiment = put(experiment, "crystal.factors.wavelengths_m", wider)
    weights = jnp.cos(jnp.arange(480.0).reshape(24, 20))

    @jax.jit
    def total(wavelength_m: jax.Array) -> jax.Array:
        return jnp.sum(weights * simulate(put(experiment, "beam.wavelength_m", wavelength_m)))

    at, step = experiment.beam.wavelength_m, 1e-15
    wanted = float(total(at + step) - total(at - step)) / (2 * step)
    assert float(jax.jvp(total, (at,), (jnp.ones_like(at),))[1]) == pytest.approx(wanted, rel=1e-5)


def test_single_precision_has_channels_too(path: str) -> None:
    wanted = np.asarray(simulate(three(path)))
    with jax.enable_x64(False):
        found = np.asarray(simulate(prepare(replace(config(path, 3), precision="single"))))
    assert np.abs(found - wanted).max() < 1e-5 * wanted.max()


def test_tables_of_channels_are_no_parameters(path: str) -> None:
    parameters = parameters_of(three(path))
    with pytest.raises(ConfigError, match=r"needs one table of amplitudes; .* leave out crystal.anomalous_channels"):
        find(parameters, "crystal.structure_factors")
