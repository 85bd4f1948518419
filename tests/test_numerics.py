"""Safe functions against their textbook forms, at and around their awkward points."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nbjax.numerics import cosine, norm, sine_over_pi, sphere_transform, unit
from nbjax.rotations import about_axis


@pytest.mark.parametrize(("dtype", "rounding"), [(jnp.float64, 2.3e-16), (jnp.float32, 1.2e-7)])
def test_sine_and_cosine_between_minus_and_plus_half(dtype, rounding: float) -> None:
    x = jnp.linspace(-0.5, 0.5, 4001, dtype=dtype)
    exact = np.pi * np.asarray(x, np.longdouble)
    np.testing.assert_allclose(sine_over_pi(x), np.sin(exact) / np.pi, rtol=4 * rounding, atol=1e-30)
    np.testing.assert_allclose(cosine(x), np.cos(exact), rtol=0, atol=100 * rounding)
    assert float(sine_over_pi(dtype(1e-12))) == float(dtype(1e-12))


def test_sphere_transform_is_smooth_through_its_series() -> None:
    x = jnp.concatenate([jnp.linspace(0.05, 0.2, 50), jnp.linspace(1, 30, 50)])
    exact = 3 * (np.sin(x) / x - np.cos(x)) / x**2
    np.testing.assert_allclose(sphere_transform(x**2), exact, rtol=1e-9, atol=1e-13)
    assert float(sphere_transform(jnp.float64(0))) == 1
    assert float(jax.grad(sphere_transform)(jnp.float64(0))) == pytest.approx(-0.1)


def test_the_zero_vector_has_no_direction_and_no_nan() -> None:
    zero = (jnp.float64(0),) * 3
    assert float(norm(zero)) == 0
    assert [float(c) for c in unit(zero)] == [0, 0, 0]
    assert all(np.isfinite(float(c)) for c in jax.grad(norm)(zero))


def test_rotation_is_right_handed() -> None:
    turn = about_axis(jnp.array([0.0, 0.0, 1.0]), jnp.float64(np.pi / 2))
    np.testing.assert_allclose(turn @ jnp.array([1.0, 0, 0]), [0, 1, 0], atol=1e-15)
