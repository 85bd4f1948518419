"""A crystal in a beam whose fluence falls off."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import small_config

from nbjax import trace
from nbjax.config.edit import with_values
from nbjax.config.tree import Config
from nbjax.errors import ConfigError, ConfigWarning
from nbjax.experiment import Experiment, chosen
from nbjax.fields import put
from nbjax.parameters import find, parameters_of
from nbjax.pipeline.image import simulate
from nbjax.preparation import prepare
from nbjax.resolve import resolve

SIZE_MM = 0.02


def config(profile: str | None = "gaussian", **crystal: Any) -> Config:
    beam = {"profile": profile, "beamsize_mm": SIZE_MM, "flux_photons_per_s": 1e12}
    return small_config(beam=beam, crystal={"water_um": 8.0, **crystal})


@cache
def centred() -> Experiment:
    return prepare(config())


@cache
def image() -> np.ndarray:
    return np.asarray(simulate(chosen(centred(), backgrounds=())))


@pytest.mark.parametrize("offset_mm", [(0.003, -0.004), (0.01, 0.01)])
def test_a_crystal_sees_the_fluence_at_its_place(offset_mm: tuple[float, float]) -> None:
    aside = prepare(config(offset_mm=offset_mm))
    share = 0.5 ** (4 * (offset_mm[0] ** 2 + offset_mm[1] ** 2) / SIZE_MM**2)
    np.testing.assert_allclose(simulate(chosen(aside, backgrounds=())), share * image(), rtol=1e-12)
    # the water stays where the beam is
    water = [np.asarray(simulate(chosen(one, crystals=()))) for one in (aside, centred())]
    np.testing.assert_array_equal(*water)
    stages = trace(aside, [(3, 4)], samples=True)
    assert float(stages.beam_share) == pytest.approx(share, rel=1e-12)
    np.testing.assert_allclose(stages.I_pixel_photons, simulate(aside)[3, 4], rtol=1e-12)
    running = np.asarray(stages.samples[-1].running_electrons_squared).reshape(-1)[-1:]
    np.testing.assert_allclose(running, stages.before_scaling_electrons_squared, rtol=1e-12)


def test_the_flux_is_shared_out_by_the_profile() -> None:
    plain, gaussian, disc = (
        resolve(config(profile)).beam.fluence_photons_per_m2 * (SIZE_MM / 1000) ** 2 / 1e12
        for profile in (None, "gaussian", "top_hat")
    )
    assert plain == pytest.approx(1, rel=1e-14)
    assert gaussian == pytest.approx(4 * np.log(2) / np.pi, rel=1e-14)
    assert disc == pytest.approx(4 / np.pi, rel=1e-14)


def test_water_sees_the_mean_over_its_square() -> None:
    level = prepare(with_values(config(None), {"beam.flux_photons_per_s": None}))
    level = put(level, "beam.fluence_photons_per_m2", centred().beam.fluence_photons_per_m2)
    found, whole = (float(simulate(chosen(one, crystals=())).sum()) for one in (centred(), level))
    steps = (np.arange(400) + 0.5) / 400 * 0.008 - 0.004
    mean = np.mean(0.5 ** (4 * (steps / SIZE_MM) ** 2)) ** 2
    assert found / whole == pytest.approx(mean, rel=1e-5)


def test_place_and_size_have_their_gradients() -> None:
    at, step = prepare(config(offset_mm=(0.004, 0.002))), 1e-9

    @jax.jit
    def total(offset_m: jax.Array, size_m: jax.Array) -> jax.Array:
        moved = replace(at.crystal, offset_m=offset_m)
        return simulate(put(at.with_crystal(moved), "beam.size_m", size_m)).sum()

    start = (at.crystal.offset_m, at.beam.size_m)
    slopes = jax.jit(jax.grad(total, argnums=(0, 1)))(*start)
    for number, change in enumerate((jnp.array([step, 0.0]), jnp.asarray(step))):
        sides = [total(*(x + sign * change if i == number else x for i, x in enumerate(start))) for sign in (-1, 1)]
        slope = np.asarray(slopes[number]).reshape(-1)[0]
        assert slope == pytest.approx(float(sides[1] - sides[0]) / (2 * step), rel=1e-5)


def test_the_place_is_a_parameter_where_there_is_a_profile() -> None:
    parameter = parameters_of(centred())["crystal.offset_mm"]
    moved = parameter.set(centred(), jnp.array([0.003, -0.001]))
    wanted = prepare(config(offset_mm=(0.003, -0.001)))
    np.testing.assert_allclose(moved.crystal.offset_m, wanted.crystal.offset_m, rtol=1e-14)
    with pytest.raises(ConfigError, match="needs a beam whose fluence falls off"):
        find(parameters_of(prepare(config(None))), "crystal.offset_mm")
    with pytest.warns(ConfigWarning, match=r"crystal\.offset_mm has no effect"):
        assert prepare(config(None, offset_mm=(0.1, 0.0))).crystal.offset_m is None


def test_a_crystal_beside_a_top_hat_is_dark() -> None:
    inside, outside = (prepare(config("top_hat", offset_mm=(x, 0.0))) for x in (0.0099, 0.0101))
    bright = np.asarray(simulate(chosen(inside, backgrounds=())))
    assert bright.sum() / image().sum() == pytest.approx(1 / np.log(2), rel=1e-12)
    assert not np.asarray(simulate(chosen(outside, backgrounds=()))).any()
