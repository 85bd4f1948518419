"""The reference's random numbers against values of the C program's generator, and the rotations made of them."""

from __future__ import annotations

import numpy as np
import pytest

from nbjax.sampling.reference_random import Ran1, cap_draws, reference_misset_rotation, uniform_rotation

RESTART = 2147483647
C_DEVIATES = {
    1: (0.415999353, 0.091964893, 0.75641048, 0.52970022, 0.930436492),
    12345: (0.923120558, 0.333146602, 0.197888419, 0.949421704, 0.783800364),
    12345678: (0.765989304, 0.023453664, 0.589726627, 0.535101593, 0.982231438),
    RESTART - 1: (0.93315774, 0.61649793, 0.58251405, 0.3132273, 0.2988094),
    RESTART: (0.0, 0.415999353, 0.091964893, 0.75641048, 0.52970022),
}
EVERY_CROSSING_OF_BLOCKS = 3000


@pytest.mark.parametrize("seed", C_DEVIATES)
def test_first_deviates_are_the_c_programs(seed: int) -> None:
    assert np.array_equal(Ran1(seed).uniforms(5), np.array(C_DEVIATES[seed], np.float32))


def test_a_seed_of_0_acts_as_1() -> None:
    assert np.array_equal(Ran1(0).uniforms(9), Ran1(1).uniforms(9))


def test_the_stream_is_the_shuffled_multiplicative_sequence() -> None:
    """Another formulation: whole states by modular powers, the shuffle by lists of positions."""
    seed, expected = 99, []
    states = [seed * pow(16807, i, RESTART) % RESTART for i in range(1, EVERY_CROSSING_OF_BLOCKS + 41)]
    table, last = dict(enumerate(reversed(states[8:40]))), states[39]
    for state in states[40:]:
        slot = last >> 26
        last, table[slot] = table[slot], state
        expected.append(last / RESTART)
    found = Ran1(seed).uniforms(EVERY_CROSSING_OF_BLOCKS)
    np.testing.assert_allclose(found, expected, rtol=1e-7)


def test_one_at_a_time_and_together_are_one_stream() -> None:
    one, together = Ran1(5), Ran1(5)
    apart = [one.uniform() for _ in range(EVERY_CROSSING_OF_BLOCKS)]
    split = np.concatenate([together.uniforms(n) for n in (7, 0, EVERY_CROSSING_OF_BLOCKS - 7)])
    assert split.dtype == np.float32
    assert np.array_equal(split.astype(float), apart)


def test_deviates_are_uniform_and_uncorrelated() -> None:
    found = Ran1(2024).uniforms(200_000).astype(float)
    assert found.min() > 0
    assert found.max() < 1
    assert found.mean() == pytest.approx(0.5, abs=4 / np.sqrt(12 * len(found)))
    assert found.var() == pytest.approx(1 / 12, rel=0.01)
    assert abs(np.corrcoef(found[1:], found[:-1])[0, 1]) < 0.01


def test_domains_lie_on_the_cap() -> None:
    axes, ratios = cap_draws(0.01, 2000, 12345678)
    np.testing.assert_allclose(np.linalg.norm(axes, axis=1), 1, rtol=1e-14)
    assert axes.shape == (2000, 3)
    assert ratios.shape == (2000,)
    assert ratios[0] == 0
    assert ratios.min() >= 0
    assert ratios.max() <= 1 + 1e-6
    # the mean of (1 - r^2)^(1/3) for r uniform between -1 and 1
    assert ratios.mean() == pytest.approx(0.8413, abs=0.02)


def test_domains_follow_the_deviates_with_32_bit_angles() -> None:
    spread = 0.0123
    axes, ratios = cap_draws(spread, 5, 12345678)
    deviates = Ran1(12345678).uniforms(15).astype(float).reshape(5, 3)
    r1, r2, r3 = 2 * deviates.T - 1
    radius = np.sqrt(1 - r2**2)
    np.testing.assert_allclose(axes, np.stack([radius * np.sin(np.pi * r1), radius * np.cos(np.pi * r1), r2], -1))
    angles = spread * ratios
    np.testing.assert_allclose(angles[1:], spread * np.cbrt(1 - r3[1:] ** 2), rtol=3e-7)
    held = angles.astype(np.float32).astype(float)
    np.testing.assert_allclose(angles, held, rtol=4e-16)


def test_more_domains_start_with_the_fewer() -> None:
    few, many = cap_draws(0.01, 3, 7), cap_draws(0.01, 10, 7)
    assert np.array_equal(few[0], many[0][:3])
    assert np.array_equal(few[1], many[1][:3])


def test_no_spread_gives_no_rotation() -> None:
    axes, ratios = cap_draws(0.0, 4, 7)
    assert np.array_equal(ratios, np.zeros(4))
    assert np.array_equal(axes, cap_draws(0.01, 4, 7)[0])


@pytest.mark.parametrize("draw", [uniform_rotation, reference_misset_rotation])
def test_random_missets_are_rotations(draw: object) -> None:
    assert callable(draw)
    for seed in range(1, 20):
        rotation = draw(seed)
        np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-14)
        assert np.linalg.det(rotation) == pytest.approx(1)


def test_uniform_rotations_have_no_preference() -> None:
    # seeds apart from one another: those of neighbours give correlated first deviates
    seeds = np.random.default_rng(0).integers(1, RESTART, 4000)
    rotations = np.array([uniform_rotation(int(seed)) for seed in seeds])
    tolerance = 4 / np.sqrt(len(seeds))
    # each matrix element has mean 0 and variance 1/3, products of different elements have mean 0
    np.testing.assert_allclose(rotations.mean(0), 0, atol=tolerance * np.sqrt(1 / 3))
    flat = rotations.reshape(-1, 9)
    np.testing.assert_allclose(flat.T @ flat / len(seeds), np.eye(9) / 3, atol=tolerance / 3)
    # the density of the rotation angle is (1 - cos) / pi
    angles = np.arccos(np.clip((np.trace(rotations, axis1=1, axis2=2) - 1) / 2, -1, 1))
    assert angles.mean() == pytest.approx(np.pi / 2 + 2 / np.pi, abs=tolerance)


def test_the_c_programs_misset_turns_by_90_rad_and_less() -> None:
    """Angle and axis of the printed C formula in 32 bits: 90 is taken as radians."""
    u = Ran1(12345).uniforms(3).astype(float)
    angle = float(np.float32(90.0) * np.float32(np.cbrt(1 - (2 * u[2] - 1) ** 2)))
    r2, azimuth = 2 * u[1] - 1, np.pi * (2 * u[0] - 1)
    axis = np.array([np.sqrt(1 - r2**2) * np.sin(azimuth), np.sqrt(1 - r2**2) * np.cos(azimuth), r2])
    rotation = reference_misset_rotation(12345)
    np.testing.assert_allclose(rotation @ axis, axis, atol=1e-14)
    assert np.trace(rotation) == pytest.approx(1 + 2 * np.cos(angle), abs=1e-4)
