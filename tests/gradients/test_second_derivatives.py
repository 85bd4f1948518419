"""Second derivatives of the lattice factor where its textbook forms divide zero by zero."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nbjax.physics.shapes.square import square


def _grating(x: jax.Array) -> jax.Array:
    """The grating of one axis at x = (delta, N)."""
    return square((x[0], jnp.zeros(()), jnp.zeros(())), (x[1], jnp.ones(()), jnp.ones(())), jnp.float64)[0]


@pytest.mark.parametrize("delta", [0.0, 1e-15, 1e-12, -1e-9, 1e-6])
def test_mixed_second_derivative_of_a_grating_near_its_peak(delta: float) -> None:
    # G = N (1 - pi^2 delta^2 (N^2 - 1) / 6 + ...)
    found = jax.jit(jax.hessian(_grating))(jnp.array([delta, 7.5]))
    mixed = -(np.pi**2) / 3 * delta * (3 * 7.5**2 - 1)
    bend = -(np.pi**2) / 3 * 7.5 * (7.5**2 - 1)
    np.testing.assert_allclose(found[0, 0], bend, rtol=1e-8)
    np.testing.assert_allclose([found[0, 1], found[1, 0]], mixed, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(found[1, 1], 0.0, atol=1e-6)
