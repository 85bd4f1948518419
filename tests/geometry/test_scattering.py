"""From points to Miller indices: laws of elastic scattering, and indices against products in 64 bits."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from nbjax.geometry.scattering import (
    direction,
    is_resolved,
    miller_indices,
    miller_indices_in_pairs,
    nearest_index,
    scattering_vector,
)

RNG = np.random.default_rng(5)
DIRECT_M = RNG.uniform(-2e-8, 2e-8, (3, 3))
Q_PER_M = RNG.uniform(-4e9, 4e9, (3, 500))


def _split(values: np.ndarray) -> tuple[jax.Array, jax.Array]:
    high = values.astype(np.float32)
    return jnp.asarray(high), jnp.asarray((values - high).astype(np.float32))


def test_scattering_is_elastic_and_obeys_braggs_law() -> None:
    points, wavelength_m = RNG.uniform(-0.1, 0.1, (3, 200)), 1.3e-10
    diffracted, airpath_m = direction(tuple(jnp.asarray(points)))
    np.testing.assert_allclose(np.stack(diffracted) * airpath_m, points, rtol=1e-14)
    np.testing.assert_allclose(np.square(diffracted).sum(0), 1, rtol=1e-14)
    incident = (0.8, 0.36, -0.48)
    q = np.stack(scattering_vector(diffracted, tuple(map(jnp.float64, incident)), jnp.float64(wavelength_m)))
    outgoing = q + np.array(incident)[:, None] / wavelength_m
    np.testing.assert_allclose(np.linalg.norm(outgoing, axis=0), 1 / wavelength_m, rtol=1e-14)
    spacing_m = wavelength_m / (2 * np.sin(np.arccos(np.array(incident) @ np.stack(diffracted)) / 2))
    for limit_m in (0.7e-10, 1e-10):
        np.testing.assert_array_equal(
            is_resolved(tuple(map(jnp.asarray, q)), jnp.float64(limit_m)), spacing_m >= limit_m
        )


def test_of_two_indices_as_near_the_lower_one_is_taken() -> None:
    index = jnp.array([0.5, 1.5, -0.5, -1.5, 0.49, -0.51, 2.0, 0.5001])
    np.testing.assert_array_equal(nearest_index(index), [0, 1, -1, -2, 0, -1, 2, 1])


def test_indices_and_their_derivatives_are_those_of_the_product() -> None:
    at, moves = (DIRECT_M, Q_PER_M), (RNG.normal(size=(3, 3)) * 1e-10, RNG.normal(size=Q_PER_M.shape) * 1e8)
    rule = jax.jit(lambda at, moves: jax.jvp(miller_indices, (at[0], tuple(at[1])), (moves[0], tuple(moves[1]))))
    found, slope = map(np.stack, rule(at, moves))
    np.testing.assert_allclose(found, DIRECT_M @ Q_PER_M, rtol=0, atol=1e-13 * np.abs(found).max())
    wanted = moves[0] @ Q_PER_M + DIRECT_M @ moves[1]
    np.testing.assert_allclose(slope, wanted, rtol=0, atol=1e-13 * np.abs(wanted).max())


def test_indices_in_pairs_keep_what_32_bits_lose() -> None:
    direct_m, q_per_m = _split(DIRECT_M), _split(Q_PER_M)
    moves = tuple(_split(RNG.normal(size=part.shape) * size)[0] for part, size in ((DIRECT_M, 1e-10), (Q_PER_M, 1e8)))

    @jax.jit
    def moved(direct_m, q_per_m, moves):
        def in_pairs(high_m, high_per_m):
            return miller_indices_in_pairs((high_m, direct_m[1]), (tuple(high_per_m), tuple(q_per_m[1])))

        return jax.jvp(in_pairs, (direct_m[0], q_per_m[0]), moves)

    (whole, distance), (still, slope) = moved(direct_m, q_per_m, moves)
    whole, distance, still, slope = map(np.stack, (whole, distance, still, slope))
    assert distance.dtype == np.float32
    np.testing.assert_array_equal(whole, np.round(whole))
    assert np.abs(distance).max() <= 0.5
    assert np.abs(whole).max() > 50
    exact = sum(np.asarray(part, float) for part in direct_m) @ sum(np.asarray(part, float) for part in q_per_m)
    np.testing.assert_allclose(whole.astype(float) + distance, exact, rtol=0, atol=1.5e-7)
    high, by = (np.asarray(direct_m[0], float), np.asarray(q_per_m[0], float)), [np.asarray(m, float) for m in moves]
    wanted = by[0] @ high[1] + high[0] @ by[1]
    np.testing.assert_allclose(slope, wanted, rtol=0, atol=1e-6 * np.abs(wanted).max())
    assert not still.any()
