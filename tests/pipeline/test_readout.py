"""Images of numbers are recorded as those inside other functions, number for number."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nbjax.physics.noise import uniforms, uniforms_at
from nbjax.physics.readout import Gain, Poisson, Quantize, Readout, ReadoutNoise, record
from nbjax.pipeline.readout import recorded

CHAINS: dict[str, list[Readout]] = {
    "counts": [Poisson()],
    "plain": [Poisson(), Quantize(65534)],
    "noisy": [Poisson(), Gain(1.8, 40.0), ReadoutNoise(jnp.asarray(3.0))],
    "photons": [Quantize(65534)],
}
RNG = np.random.default_rng(5)
PHOTONS = np.where(RNG.random((90, 200)) < 0.8, 0.0, 10 ** RNG.uniform(-8, 4, (90, 200)))
PHOTONS[0, :7] = [0.5, 2.0, 8.0, 32.0, -3.0, np.nan, 31.999]


@pytest.mark.parametrize("chain", CHAINS)
def test_numbers_are_recorded_as_in_a_function(chain: str) -> None:
    key = jax.random.fold_in(jax.random.key(3), 8)
    found = recorded(CHAINS[chain], key, PHOTONS)
    np.testing.assert_array_equal(found, jax.jit(record)(CHAINS[chain], key, jnp.asarray(PHOTONS)))
    assert found.shape == PHOTONS.shape
    assert np.isnan(found[0, 5])


def test_random_numbers_of_places_are_those_of_the_whole() -> None:
    key, places = jax.random.key(11), np.array([0, 1, 4095, 77, 999_999])
    whole = uniforms(key, (1000, 1000), jnp.float64).ravel()
    np.testing.assert_array_equal(uniforms_at(key, jnp.asarray(places)), whole[places])
