"""Safe functions against their textbook forms, at and around their awkward points."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbjax.numerics import grating, norm, sphere_transform, unit
from nbjax.rotations import about_axis


@settings(max_examples=40, deadline=None)
@given(st.floats(-0.5, 0.5).filter(lambda x: abs(x) > 1e-6), st.integers(1, 200))
def test_grating(delta: float, cells: int) -> None:
    exact = np.sin(np.pi * cells * delta) / np.sin(np.pi * delta)
    found = float(grating(jnp.float64(delta), jnp.float64(cells), jnp.float64))
    assert abs(found) == pytest.approx(abs(exact), abs=1e-10 * cells)


@pytest.mark.parametrize("dtype", [jnp.float64, jnp.float32])
def test_grating_at_the_peak(dtype) -> None:
    value = grating(jnp.float64(0), jnp.float64(30), dtype)
    assert (float(value), value.dtype) == (30.0, dtype)
    curvature = jax.grad(jax.grad(lambda d: grating(d, jnp.float64(30), dtype).astype(jnp.float64)))(jnp.float64(0))
    assert float(curvature) == pytest.approx(-30 * (30**2 - 1) * np.pi**2 / 3, rel=1e-6)


def test_grating_of_one_cell_is_one() -> None:
    np.testing.assert_allclose(grating(jnp.linspace(-0.5, 0.5, 101), jnp.float64(1), jnp.float64), 1.0, rtol=1e-15)


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
