"""The fall-off of intensities by a symmetric matrix."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from nbjax.physics.debye_waller import debye_waller


def test_is_the_exponential_of_half_the_quadratic_form() -> None:
    rng = np.random.default_rng(3)
    root, q = rng.normal(size=(3, 3)), rng.normal(size=(7, 3))
    matrix = root @ root.T
    found = debye_waller(jnp.asarray(matrix), tuple(jnp.asarray(q.T)))
    np.testing.assert_allclose(found, np.exp(-0.5 * np.einsum("ni,ij,nj->n", q, matrix, q)), rtol=1e-13)
