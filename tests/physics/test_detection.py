"""Solid angle and capture of panels on both sides of the sample."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nbjax.physics.absorption import capture_fraction
from nbjax.physics.solid_angle import solid_angle_sr


def cone(cosine: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    return (jnp.sqrt(1 - cosine**2), jnp.zeros_like(cosine), cosine)


@pytest.mark.parametrize("point_pixel", [False, True])
def test_a_back_that_faces_the_sample_has_no_solid_angle_and_no_nan(point_pixel: bool) -> None:
    def omega(close_m: jax.Array) -> jax.Array:
        return solid_angle_sr(jnp.float64(0.2), jnp.float64(1e-8), close_m / 0.2, point_pixel)

    values, slopes = jax.vmap(jax.value_and_grad(omega))(jnp.array([0.1, 0.0, -0.1]))
    np.testing.assert_allclose(values, [25.0 if point_pixel else 1.25e-7, 0, 0])
    np.testing.assert_allclose(slopes, [0.0 if point_pixel else 1.25e-6, 0, 0])


def test_rays_from_behind_are_not_captured_and_all_layers_capture_what_the_sensor_does() -> None:
    def captured(cosine: jax.Array) -> jax.Array:
        axis, sensor = cone(jnp.float64(1.0)), (jnp.float64(1e-4), jnp.float64(5e3))
        return jnp.stack([capture_fraction(cone(cosine), axis, jnp.float64(i), *sensor) for i in range(3)])

    for cosine in (0.9, 0.2):
        assert float(captured(jnp.float64(cosine)).sum()) == pytest.approx(1 - np.exp(-1.5 / cosine), rel=1e-12)
    for cosine in (0.0, -1e-5, -0.9):
        assert not captured(jnp.float64(cosine)).any()
        assert not jax.jacfwd(captured)(jnp.float64(cosine)).any()
