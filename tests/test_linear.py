"""Vectors and matrices of three dimensions against NumPy's."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from nbjax.linear import cofactors, cross_matrix, cross_product, determinant


def test_products_are_those_of_numpy() -> None:
    left, right = np.random.default_rng(1).normal(size=(2, 4, 5, 3))
    np.testing.assert_array_equal(cross_product(jnp.asarray(left), jnp.asarray(right)), np.cross(left, right))
    one = cross_product(jnp.asarray(left[0, 0]), jnp.asarray(right))
    np.testing.assert_array_equal(one, np.cross(left[0, 0], right))
    turned = np.asarray(cross_matrix(jnp.asarray(left))) @ right[..., None]
    np.testing.assert_allclose(turned[..., 0], np.cross(left, right), rtol=1e-13, atol=1e-15)


def test_cofactors_are_the_inverse_times_the_determinant() -> None:
    rows = np.random.default_rng(2).normal(size=(3, 3))
    size = float(determinant(jnp.asarray(rows)))
    np.testing.assert_allclose(size, np.linalg.det(rows), rtol=1e-12)
    np.testing.assert_allclose(np.asarray(cofactors(jnp.asarray(rows))).T, size * np.linalg.inv(rows), rtol=1e-12)
