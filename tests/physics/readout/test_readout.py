"""Chains of readout stages: what they draw is what they say of it."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import GOLDEN, images
from hypothesis import given
from hypothesis import strategies as st
from jax import Array

from nbjax.physics.readout import (
    SMV_COUNTS,
    SMV_SCALED,
    STAGES,
    Calibration,
    ChargeSharing,
    Counting,
    DarkCurrent,
    Flicker,
    Gain,
    GainSwitching,
    HotAndDead,
    Moments,
    PointSpread,
    Poisson,
    Quantize,
    Readout,
    ReadoutNoise,
    Saturation,
    moments,
    record,
)

ADC_OFFSET = 40.0
SIXTEEN_BITS = Quantize(65535.0, "down")
CHAIN = (Poisson(), Gain(1.0, ADC_OFFSET), SIXTEEN_BITS)


@pytest.mark.parametrize("photons", [0.0, 0.3, 7.0, 900.0, 3e4])
def test_mean_and_variance_are_those_of_many_draws(photons: float) -> None:
    many = 40_000
    drawn = np.asarray(record(CHAIN, jax.random.key(3), jnp.full(many, photons)))
    # counts are whole numbers already, so that the last stage changes nothing
    said = moments(CHAIN[:2], jnp.asarray(photons))
    assert abs(drawn.mean() - float(said.mean)) <= 4 * np.sqrt(photons / many)
    # the variance of a variance of Poisson counts: (2 m^2 + m) / n
    assert abs(drawn.var() - float(said.variance)) <= 4 * np.sqrt((2 * photons**2 + photons) / many)


def test_rounding_adds_a_twelfth() -> None:
    uniform = np.linspace(10.0, 11.0, 10_001)
    for quantize in (Quantize(100.0, "nearest"), Quantize(100.0, "down")):
        errors = quantize.record(None, uniform) - uniform
        said = quantize.moments(Moments(jnp.asarray(50.3), jnp.asarray(2.0)))
        assert errors.var() == pytest.approx(1 / 12, rel=1e-2)
        assert float(said.variance) == pytest.approx(2.0 + 1 / 12)
        assert float(said.mean) - 50.3 == pytest.approx(errors.mean(), abs=1e-3)


@given(st.floats(-1e6, 1e6), st.integers(1, 1_000_000), st.sampled_from(["nearest", "down"]))
def test_quantized_pixels_are_whole_and_within_their_width(value: float, largest: int, rounding: str) -> None:
    found = Quantize(largest, rounding).record(None, np.array([value]))[0]  # type: ignore[arg-type]
    assert found == np.floor(found)
    assert 0 <= found <= largest
    if 0 <= value <= largest:
        assert abs(found - value) <= (0.5 if rounding == "nearest" else 1.0)


def test_stages_without_chance_leave_the_draws_of_the_others_alone() -> None:
    key, photons = jax.random.key(1), jnp.full(50, 20.0)
    alone = record([Poisson()], key, photons)
    np.testing.assert_array_equal(record([Gain(1.0, 0.0), Poisson(), Gain(1.0, 5.0)], key, photons), alone + 5.0)
    assert not np.array_equal(record([Poisson()], jax.random.key(2), photons), alone)


EXAMPLES: dict[str, Readout] = {
    "flicker": Flicker(jnp.asarray(0.02)),
    "point_spread": PointSpread(jnp.asarray(1.5)),
    "charge_sharing": ChargeSharing(jnp.asarray(0.1)),
    "poisson": Poisson(),
    "counting": Counting(jnp.asarray(0.9), jnp.asarray(1e-3)),
    "calibration": Calibration(jnp.asarray(0.03), jnp.asarray(0.1), 1),
    "dark_current": DarkCurrent(jnp.asarray(30.0), jnp.asarray(1000.0)),
    "readout": ReadoutNoise(jnp.asarray(0.3)),
    "gain": Gain(jnp.asarray(1.8), jnp.asarray(40.0)),
    "gain_switching": GainSwitching(*map(jnp.asarray, ([90.0, 3.0, 0.3], [2e3, 2e3, 2e3], [5.0, 3.0, 3.0], [90, 3e3]))),
    "saturation": Saturation(jnp.asarray(5e3), jnp.asarray(65535.0)),
    "hot_and_dead": HotAndDead(jnp.asarray(0.1), jnp.asarray(0.2), jnp.asarray(9e3), jnp.asarray(0.0), None, 3),
    "quantize": Quantize(255.0),
}


@pytest.mark.parametrize("name", STAGES)
def test_every_stage_keeps_the_contract(name: str) -> None:
    stage = EXAMPLES[name]
    assert isinstance(stage, STAGES[name])
    assert isinstance(stage, Readout)
    image = jnp.full((2, 3, 4), 4.25)
    key = jax.random.key(0)
    drawn = stage.record(key, image)
    assert drawn.shape == image.shape
    assert drawn.dtype == image.dtype
    assert all(part.shape == image.shape for part in stage.moments(Moments(image, image)))
    # every number is a leaf, every choice is not: one program draws from any of them
    compiled = jax.jit(lambda stage, image: stage.record(key, image))(stage, image)
    np.testing.assert_allclose(compiled, drawn, rtol=1e-12)


def test_what_scales_photons_has_a_derivative() -> None:
    """Flicker, calibration, gain and noise by their numbers, against differences."""
    photons = jnp.linspace(1.0, 90.0, 30)
    chain = tuple(EXAMPLES[name] for name in ("flicker", "calibration", "gain", "readout"))
    weights = jnp.cos(jnp.arange(30.0))

    def total(chain: tuple[Readout, ...]) -> Array:
        return (record(chain, jax.random.key(5), photons) * weights).sum()

    slopes = jax.tree.leaves(jax.grad(total)(chain))
    leaves, tree = jax.tree.flatten(chain)
    assert len(leaves) == 6
    for number, slope in enumerate(slopes):
        above, below = (
            total(tree.unflatten([x + (change if i == number else 0.0) for i, x in enumerate(leaves)]))
            for change in (1e-5, -1e-5)
        )
        assert float(slope) == pytest.approx(float(above - below) / 2e-5, rel=1e-5, abs=1e-7)


def test_the_mean_of_what_is_rounded_down_is_half_a_count_less() -> None:
    before = Moments(jnp.asarray(50.3), jnp.asarray(2.0))
    assert float(Quantize(100.0, "down").moments(before).mean) == pytest.approx(49.8, rel=1e-12)
    assert float(Quantize(100.0, "nearest").moments(before).mean) == pytest.approx(50.3, rel=1e-12)
    assert SMV_COUNTS == SIXTEEN_BITS


def test_counts_are_cut_and_overloads_counted() -> None:
    shifted = Gain(1.0, 40.5).record(None, np.array([0.0, 3.0, 65494.5, 65495.0, 1e6, -np.inf]))
    np.testing.assert_array_equal(SIXTEEN_BITS.record(None, shifted), [40, 43, 65535, 65535, 65535, 0])
    assert SIXTEEN_BITS.overloads(shifted) == 2


def test_the_noise_image_of_the_c_program_is_whole_counts_above_the_offset() -> None:
    stored = images("noise_poisson")["c_noise"].astype(float)
    shifted = Gain(1.0, ADC_OFFSET).record(None, stored - ADC_OFFSET)
    np.testing.assert_array_equal(SIXTEEN_BITS.record(None, shifted), stored)
    log = (GOLDEN / "noise_poisson" / "log.txt").read_text()
    photons = stored.sum() - ADC_OFFSET * stored.size
    assert f"{photons:.0f} photons on noise image ({SIXTEEN_BITS.overloads(shifted)} " in log


def test_means_and_variances_follow_the_laws_of_sums_and_products() -> None:
    m, v = np.array([0.5, 40.0]), np.array([2.0, 11.0])
    squares = m**2 + v
    wanted = {
        "flicker": (m, v + 0.02**2 * squares),
        "poisson": (m, v + m),
        "calibration": (m, v + 0.03**2 * squares + 0.1**2),
        "dark_current": (m + 0.03, v + 0.03 / 1e3),
        "readout": (m, v + 0.3**2),
        "gain": (1.8 * m + 40, 1.8**2 * v),
        "quantize": (m, v + 1 / 12),
    }
    for name, (mean, variance) in wanted.items():
        found = EXAMPLES[name].moments(Moments(jnp.asarray(m), jnp.asarray(v)))
        # the numbers of the examples have 32 bits
        np.testing.assert_allclose(found.mean, mean, rtol=1e-6)
        np.testing.assert_allclose(found.variance, variance, rtol=1e-6)
    cut = Quantize(30.0, "down", 2.0).moments(Moments(jnp.asarray([0.5, 10.0, 40.0]), jnp.ones(3)))
    np.testing.assert_array_equal(cut.mean, [2.0, 9.5, 30.0])


def test_deviations_grow_with_their_numbers_and_no_beam_is_below_zero() -> None:
    image, key = jnp.linspace(1.0, 50.0, 400), jax.random.key(2)
    for make in (
        lambda x: Flicker(jnp.asarray(0.01 * x), "pixel"),
        lambda x: ReadoutNoise(jnp.asarray(x)),
        lambda x: Calibration(jnp.asarray(0.01 * x), jnp.asarray(0.1 * x), 1),
    ):
        once, thrice = (np.asarray(make(x).record(key, image)) - np.asarray(image) for x in (1.0, 3.0))
        np.testing.assert_allclose(thrice, 3 * once, rtol=1e-5, atol=1e-5)
    noise = np.asarray(ReadoutNoise(jnp.asarray(2.0)).record(key, image)) - np.asarray(image)
    assert noise.std() == pytest.approx(2.0, rel=4.5 / np.sqrt(800))
    wild = np.asarray(Flicker(jnp.asarray(5.0), "pixel").record(key, image))
    assert wild.min() == 0
    one = np.asarray(Flicker(jnp.asarray(0.3)).record(key, image)) / np.asarray(image)
    np.testing.assert_allclose(one, one[0], rtol=1e-6)


def test_halves_are_rounded_up_in_32_bits_after_the_cut() -> None:
    stage = Quantize(100.0, "half_up")
    found = stage.record(None, np.array([-3.0, 0.4999, 0.5, 7.5, 99.6, 1e9]))
    np.testing.assert_array_equal(found, [0, 0, 1, 8, 100, 100])
    assert Quantize(65535.0, "half_up") == SMV_SCALED


def test_dark_electrons_are_whole_and_look_like_parts_of_photons() -> None:
    image = jnp.linspace(0.0, 9.0, 4000)
    added = (np.asarray(EXAMPLES["dark_current"].record(jax.random.key(1), image)) - np.asarray(image)) * 1000
    np.testing.assert_allclose(added, np.rint(added), atol=1e-2)
    assert added.min() > 0
    assert added.mean() == pytest.approx(30, abs=4.5 * np.sqrt(30 / 4000))


def test_a_gain_of_which_nothing_is_said_changes_nothing() -> None:
    np.testing.assert_array_equal(Gain().record(None, np.arange(4.0)), np.arange(4.0))
