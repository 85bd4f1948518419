"""Diffuse halos: their density is the literature's near a reflection, smooth, and adds up to what reflections lose."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nbjax.physics.backgrounds.background import Sight
from nbjax.physics.backgrounds.halo import Halo
from nbjax.physics.structure_factor import StructureFactors

DIRECT = np.array([[1.0, 0.1, 0.0], [0.0, 0.8, 0.2], [0.0, 0.0, 1.2]])
STARS = np.linalg.inv(DIRECT).T


def halo(gamma: float, factors: StructureFactors | None = None) -> Halo:
    """Of displacements so large that nothing is left of reflections; lengths are about a cell's."""
    correlated = STARS * (gamma * np.array([1.0, 1.3, 0.7]))
    one = StructureFactors(None, jnp.asarray(3.0), (0, 0, 0)) if factors is None else factors
    return Halo(
        direct_m=jnp.asarray(DIRECT)[None],
        displaced=1e6 * jnp.eye(3),
        correlated=jnp.asarray(correlated @ correlated.T),
        b_factor_m2=jnp.zeros(()),
        cells=jnp.asarray(7.0),
        factors=one,
    )


@jax.jit
def at(found: Halo, hkl: jax.Array) -> jax.Array:
    q = hkl @ jnp.asarray(STARS)
    return found.electrons_squared((q[..., 0], q[..., 1], q[..., 2]))


@pytest.mark.parametrize("gamma", [0.05, 0.4, 1.0])
def test_what_equal_reflections_lose_is_found_again(gamma: float) -> None:
    places = (np.arange(20) + 0.5) / 20
    hkl = np.stack(np.meshgrid(*[places] * 3, indexing="ij"), -1).reshape(-1, 3) + 2.3
    np.testing.assert_allclose(at(halo(gamma), jnp.asarray(hkl)).mean(), 7.0 * 3.0**2, rtol=3e-4)


def test_a_narrow_halo_is_that_of_the_literature() -> None:
    values = np.zeros((5, 5, 5))
    values[2, 2, 2] = 4.0
    alone = StructureFactors(jnp.asarray(values), jnp.zeros(()), (0, 0, 0))
    gamma, rng = 3.0, np.random.default_rng(4)
    off = 0.2 * rng.uniform(-1, 1, (9, 3))
    q = off @ STARS
    lengths = gamma * np.array([1.0, 1.3, 0.7])
    density = 8 * np.pi * lengths.prod() / (1 + 4 * np.pi**2 * ((q * lengths) ** 2).sum(1)) ** 2 * np.linalg.det(STARS)
    found = at(halo(gamma, alone), jnp.asarray(off + 2))
    evenly = 0.08 * 0.75**3  # what lies beyond the neighbours, spread over them
    np.testing.assert_allclose(found / (7 * 16), density, atol=evenly)
    assert evenly < density.min() / 10 < density.max() / 20


def test_halos_are_smooth_where_another_reflection_is_nearer() -> None:
    rng = np.random.default_rng(5)
    uneven = StructureFactors(jnp.asarray(rng.uniform(1, 9, (6, 6, 6))), jnp.asarray(4.0), (0, 0, 0))
    found = halo(0.5, uneven)
    edge, step = np.array([2.5, 2.2, 3.1]), np.array([1e-4, 0.0, 0.0])
    values = [float(at(found, jnp.asarray(edge + k * step))) for k in (-2, -1, 0, 1, 2)]
    slope = (values[3] - values[1]) / 2e-4
    wide, bend = values[4] - 2 * values[2] + values[0], values[3] - 2 * values[2] + values[1]
    # a kink would grow with the step, not with its square
    assert wide / bend == pytest.approx(4, rel=0.01)
    moved = jax.jvp(lambda x: at(found, x), (jnp.asarray(edge),), (jnp.asarray([1.0, 0.0, 0.0]),))[1]
    np.testing.assert_allclose(moved, slope, rtol=1e-4)


def test_the_wavelength_chooses_the_channel() -> None:
    values = np.zeros((2, 2, 3, 3, 3))
    values[:, 0] = np.array([1.0, 2.0])[:, None, None, None]
    factors = StructureFactors(
        jnp.asarray(values), jnp.asarray(1.0), (0, 0, 0), wavelengths_m=jnp.asarray([1e-10, 2e-10])
    )
    found = halo(0.4, factors)
    q = tuple(jnp.asarray([x]) for x in np.array([1.0, 1.0, 1.0]) @ STARS)

    def seen(wavelength_m: float) -> float:
        ones = jnp.ones(1)
        return float(
            found.electrons_squared_at(
                Sight(q, (ones, 0 * ones, 0 * ones), jnp.asarray(wavelength_m), ones, jnp.zeros(1, int))
            )[0]
        )

    assert seen(2e-10) == pytest.approx(4 * seen(1e-10), rel=1e-6)
    assert seen(1.5e-10) == pytest.approx(2.25 * seen(1e-10), rel=1e-6)
