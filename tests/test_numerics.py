"""Safe functions against their textbook forms, at and around their awkward points."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nbjax.numerics import (
    components,
    cotangent,
    cross,
    decay,
    dot,
    less,
    norm,
    plus,
    scaled,
    sinc,
    sinc_slope,
    sphere_transform,
    unit,
    unit_vector,
    waves,
)
from nbjax.rotations import about_axis


@pytest.mark.parametrize(("dtype", "rounding"), [(jnp.float64, 2.3e-16), (jnp.float32, 1.2e-7)])
def test_sines_and_cotangents_between_minus_and_plus_half(dtype, rounding: float) -> None:
    x = jnp.linspace(-0.5, 0.5, 4001, dtype=dtype)
    x = x.at[2000].set(1e-12)
    exact = np.pi * np.asarray(x, np.longdouble)
    np.testing.assert_allclose(sinc(x), np.sin(exact) / exact, rtol=4 * rounding)
    slope = np.pi * (np.cos(exact) - np.sin(exact) / exact) / exact
    # a derivative keeps fewer digits than the polynomial that it is taken of
    np.testing.assert_allclose(sinc_slope(x)[:1900], slope[:1900], rtol=0, atol=200 * rounding)
    np.testing.assert_allclose(cotangent(x), exact / np.tan(exact), rtol=0, atol=20 * rounding)
    assert float(sinc(dtype(0.0))) == float(cotangent(dtype(0.0))) == 1.0
    np.testing.assert_array_equal(jax.vmap(jax.grad(sinc))(x), sinc_slope(x))


def test_sphere_transform_is_smooth_through_its_series() -> None:
    x = jnp.concatenate([jnp.linspace(0.05, 0.2, 50), jnp.linspace(1, 30, 50)])
    exact = 3 * (np.sin(x) / x - np.cos(x)) / x**2
    np.testing.assert_allclose(sphere_transform(x**2), exact, rtol=1e-9, atol=1e-13)
    for wide in (x**2, (x**2).astype(jnp.float32)):
        narrow = sphere_transform(wide, jnp.float32)
        assert narrow.dtype == jnp.float32
        np.testing.assert_allclose(narrow[:70], exact[:70], rtol=1e-6, atol=3e-8)
    far = 1e4 + jnp.linspace(0, 7, 50)
    np.testing.assert_allclose(
        sphere_transform(far**2, jnp.float32) * far**2, sphere_transform(far**2) * far**2, atol=1e-6
    )
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


def test_fields_of_vectors_are_added_and_multiplied_as_vectors_are() -> None:
    a, b = np.random.default_rng(1).normal(size=(2, 7, 3))
    one, other = components(jnp.asarray(a)), components(jnp.asarray(b))
    np.testing.assert_allclose(dot(one, other), (a * b).sum(1), rtol=1e-14)
    for found, wanted in (
        (cross(one, other), np.cross(a, b)),
        (plus(one, other), a + b),
        (less(one, other), a - b),
        (scaled(other[0], one), b[:, :1] * a),
        (unit(one), a / np.linalg.norm(a, axis=1, keepdims=True)),
    ):
        np.testing.assert_allclose(np.stack(found, 1), wanted, rtol=1e-13)
    np.testing.assert_allclose(norm(one), np.linalg.norm(a, axis=1), rtol=1e-14)
    np.testing.assert_allclose(unit_vector(jnp.asarray(a[0])), a[0] / np.linalg.norm(a[0]), rtol=1e-14)


@pytest.mark.parametrize("dtype", [jnp.float64, jnp.float32])
def test_waves_and_decays_have_the_digits_and_slopes_of_what_they_are_of(dtype) -> None:
    x = jnp.concatenate([jnp.linspace(0.3, 9, 40), 3000 + jnp.linspace(0, 7, 40)])
    near, far = (1e-14, 1e-12) if dtype == jnp.float64 else (4e-7, 4e-7)
    (sine, cosine), slopes = jax.jvp(lambda y: waves(y, dtype), (x**2,), (jnp.ones_like(x),))
    assert sine.dtype == cosine.dtype == dtype
    np.testing.assert_allclose(sine * x, np.sin(x), rtol=0, atol=far)
    np.testing.assert_allclose(cosine, np.cos(x), rtol=0, atol=far)
    np.testing.assert_allclose(slopes[0] * 2 * x**2, np.cos(x) - np.sin(x) / x, rtol=0, atol=far)
    np.testing.assert_allclose(slopes[1] * 2 * x, -np.sin(x), rtol=0, atol=far)
    small = jnp.linspace(0.0, 80.0, 200)
    value, slope = jax.jvp(lambda y: decay(y, dtype), (small,), (2 * jnp.ones_like(small),))
    assert value.dtype == dtype
    np.testing.assert_allclose(value, np.exp(-small), rtol=near)
    np.testing.assert_allclose(slope, -2 * np.exp(-small), rtol=near)
