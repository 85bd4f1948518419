"""Passages of a turning reflection through the Ewald sphere, against the turning itself."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbjax.geometry.goniometer import Spindle
from nbjax.pipeline.closed.crossing import Excess, Passage, excess_of, moved_with, passages, range_rad
from nbjax.rotations import about_axis

WAVELENGTH_M = 1.1e-10
AXIS = np.array([0.36, 0.48, -0.8])
INCIDENT = np.array([0.96, -0.28, 0.0])
STARS = st.tuples(*[st.floats(-1.2, 1.2)] * 3).map(lambda star: np.array(star) / WAVELENGTH_M)
PARTS = 3


def excess_at(star: np.ndarray, angles_rad: np.ndarray) -> np.ndarray:
    """By its definition, times the square of the wavelength."""
    cosine, sine = np.cos(angles_rad)[..., None], np.sin(angles_rad)[..., None]
    along = AXIS * (AXIS @ star)
    turned = along + cosine * (star - along) + sine * np.cross(AXIS, star)
    return ((INCIDENT + WAVELENGTH_M * turned) ** 2).sum(-1) - 1


@jax.jit
def _excess(star: jax.Array, angles_rad: jax.Array) -> tuple[Excess, jax.Array]:
    excess = excess_of(star, jnp.asarray(AXIS), jnp.asarray(INCIDENT), jnp.asarray(WAVELENGTH_M))
    return excess, excess.constant + excess.height * jnp.cos(angles_rad - excess.highest_rad)


@jax.jit
def _half(numbers: jax.Array, half: jax.Array, value: jax.Array) -> tuple[jax.Array, ...]:
    """Start of a half turn, the half turns that hold its ends, and where it has a value."""
    excess = Excess(*numbers)
    start = excess.start_rad(half)
    return start, excess.halves(start + jnp.array([1e-9, np.pi - 1e-9])), excess.angle_rad(half, value)


@jax.jit
def _passages(star: jax.Array, start: jax.Array, end: jax.Array) -> Passage:
    excess = excess_of(star, jnp.asarray(AXIS), jnp.asarray(INCIDENT), jnp.asarray(WAVELENGTH_M))
    return passages(excess, (start, end), PARTS)


@settings(max_examples=40)
@given(STARS)
def test_the_excess_is_a_cosine_of_the_angle(star: np.ndarray) -> None:
    angles = np.linspace(-4.0, 5.0, 13)
    found = _excess(jnp.asarray(star), jnp.asarray(angles))[1] * WAVELENGTH_M**2
    np.testing.assert_allclose(found, excess_at(star, angles), rtol=0, atol=1e-13)


@settings(max_examples=40)
@given(st.floats(-2, 2), st.floats(0.1, 3), st.floats(-3, 3), st.integers(-4, 4).map(float), st.floats(-6, 6))
def test_a_half_turn_has_every_value_once(
    constant: float, height: float, highest: float, half: int, value: float
) -> None:
    start, halves, angle = map(np.asarray, _half(jnp.array([constant, height, highest]), half, value))
    assert start == pytest.approx(highest + half * np.pi, abs=1e-14)
    np.testing.assert_array_equal(halves, half)
    assert start - 1e-12 <= angle <= start + np.pi + 1e-12
    # it falls from the highest point on, and rises from the lowest on
    nearest = np.clip(value, constant - height, constant + height)
    assert constant + height * np.cos(angle - highest) == pytest.approx(nearest, abs=1e-12)


def test_what_never_changes_has_no_angle_that_is_not_a_number() -> None:
    still = Excess(*map(jnp.float64, (0.3, 0.0, 1.0)))
    assert np.isfinite(jax.grad(lambda value: still.angle_rad(jnp.float64(1.0), value))(jnp.float64(0.2)))


@settings(max_examples=60)
@given(STARS, st.floats(-7.0, 7.0, allow_subnormal=False), st.floats(1e-3, (PARTS - 1) * np.pi - 1e-3))
def test_passages_are_the_parts_between_turning_points(star: np.ndarray, start: float, width: float) -> None:
    end = start + width
    found = jax.tree.map(np.asarray, _passages(*map(jnp.asarray, (star, start, end))))
    np.testing.assert_array_equal(found.start_rad[1:], found.end_rad[:-1])
    assert (found.start_rad[0], found.end_rad[-1]) == (start, end)
    scale = 1 + np.abs(excess_at(star, np.linspace(0, 2 * np.pi, 40))).max()
    for first, last, angle in zip(found.start_rad, found.end_rad, found.angle_rad, strict=True):
        assert first <= angle <= last
        values = excess_at(star, np.linspace(first, last, 200))
        steps = np.diff(values)
        assert (steps >= -1e-12 * scale).all() or (steps <= 1e-12 * scale).all()
        nearest = 0.0 if values[0] * values[-1] < 0 else np.abs(values[[0, -1]]).min()
        assert abs(float(excess_at(star, angle))) == pytest.approx(nearest, abs=1e-12 * scale)


def test_the_range_of_a_spindle_is_that_of_its_steps() -> None:
    for steps, wanted in ((1, 0.0), (2, 0.2), (7, 0.7)):
        spindle = Spindle(jnp.asarray(AXIS), jnp.asarray(2.0), jnp.asarray(0.1), steps)
        assert float(range_rad(spindle)) == pytest.approx(wanted, abs=1e-15)


STEP = 0.11
STAR = np.array([-0.55, 0.3, 0.2]) / WAVELENGTH_M


def moved(changes: jax.Array, frozen: Passage, star: np.ndarray, steps: int = 10) -> jax.Array:
    """Start, end and angle of a frozen passage, when the spindle and the wavelength change."""
    spindle = Spindle(jnp.asarray(AXIS), 0.2 + changes[0], STEP + changes[1], steps)
    wavelength_m = WAVELENGTH_M * (1 + changes[2])

    def excess(angle_rad: jax.Array) -> jax.Array:
        leaving = jnp.asarray(INCIDENT) / wavelength_m + about_axis(spindle.axis, angle_rad) @ jnp.asarray(star)
        return jnp.dot(leaving, leaving) - 1 / wavelength_m**2

    found = moved_with(spindle, frozen, excess)
    return jnp.stack([found.start_rad, found.end_rad, found.angle_rad])


@partial(jax.jit, static_argnames="steps")
def slopes_of(frozen: Passage, steps: int = 10) -> tuple[jax.Array, jax.Array]:
    """A frozen passage of the star, and its derivatives by the changes."""
    at = jnp.zeros(3)
    return moved(at, frozen, STAR, steps), jax.jacfwd(lambda changes: moved(changes, frozen, STAR, steps))(at)


@jax.jit
def crossing_angle(relative: float) -> jax.Array:
    """Where the sphere is met at another wavelength."""
    wavelength_m = WAVELENGTH_M * (1 + relative)
    excess = excess_of(*map(jnp.asarray, (STAR, AXIS, INCIDENT)), jnp.asarray(wavelength_m))
    return excess.angle_rad(excess.halves(jnp.asarray(0.7)))


def test_a_passage_moves_with_what_it_was_found_from() -> None:
    angle = float(crossing_angle(0.0))
    assert 0.3 < angle < 1.1
    frozen = Passage(*map(jnp.asarray, (0.3, 1.1, angle)))
    values, slopes = slopes_of(frozen)
    np.testing.assert_allclose(values, [0.3, 1.1, angle], rtol=1e-15)
    # ends are shares of the rotation, and the angle is where the sphere is met
    step = 1e-5
    by_wavelength = float(crossing_angle(step) - crossing_angle(-step)) / (2 * step)
    assert abs(by_wavelength) > 0.1
    np.testing.assert_allclose(
        slopes, [[1, 0.1 / STEP, 0], [1, 0.9 / STEP, 0], [0, 0, by_wavelength]], rtol=1e-8, atol=1e-12
    )
    # no matter how many steps the rotation has
    np.testing.assert_allclose(slopes_of(frozen, 2)[1][:2], [[1, 0.1 / STEP, 0], [1, 0.9 / STEP, 0]], atol=1e-12)


def test_an_angle_at_an_end_moves_with_it_and_one_at_a_turning_point_stays() -> None:
    for angle, wanted in ((1.1, [1, 0.9 / STEP, 0]), (0.3, [1, 0.1 / STEP, 0])):
        np.testing.assert_allclose(slopes_of(Passage(*map(jnp.asarray, (0.3, 1.1, angle))))[1][2], wanted, atol=1e-12)
    turning = float(excess_of(*map(jnp.asarray, (STAR, AXIS, INCIDENT)), jnp.asarray(WAVELENGTH_M)).highest_rad)
    frozen = Passage(*map(jnp.asarray, (turning - 0.2, turning + 0.2, turning)))
    np.testing.assert_array_equal(slopes_of(frozen)[1][2], 0)


def test_a_still_passes_at_its_angle() -> None:
    frozen = Passage(*map(jnp.asarray, (0.2, 0.2, 0.2)))
    np.testing.assert_array_equal(slopes_of(frozen, 1)[1], [[1, 0, 0]] * 3)


def test_a_rotation_that_does_not_turn_has_finite_derivatives() -> None:
    def total(step: jax.Array) -> jax.Array:
        spindle = Spindle(jnp.asarray(AXIS), jnp.asarray(0.2), step, 10)
        at = jnp.asarray(0.2)
        return sum(jax.tree.leaves(moved_with(spindle, Passage(at, at, at), jnp.cos)))

    assert float(jax.jit(jax.grad(total))(0.0)) == 0.0
