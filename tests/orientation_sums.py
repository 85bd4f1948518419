"""Arguments of a sum over orientations, and how closely two results must agree."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nbjax.physics.structure_factor import StructureFactors
from nbjax.pipeline.sample import Scatterer

PIXELS = 640
"""Two shares."""

TOLERANCE = {"float64": 1e-11, "float32": 2e-5}
Arguments = tuple[Any, ...]


def arguments(shape: str = "square", count: int = 4, table: bool = False, dtype: str = "float64") -> Arguments:
    """Weights, scatterer, direct vectors and scattering vectors; the first pixel is the direct beam."""
    rng = np.random.default_rng(3)
    values = jnp.asarray(rng.uniform(1, 9, (9, 9, 9)), dtype) if table else None
    factors = StructureFactors(values, jnp.asarray(2.5, dtype), (-4, -4, -4))
    cells = tuple(jnp.asarray([5.0, 7.5, 9.0]))
    scatterer = Scatterer(cells, jnp.asarray(1.1), factors, shape)
    direct_m = jnp.asarray(1e-10 * (np.diag([30.0, 40.0, 50.0]) + rng.normal(0, 1, (count, 3, 3))))
    q_per_m = tuple(jnp.asarray(1e10 * rng.uniform(-0.07, 0.07, PIXELS)).at[0].set(0.0) for _ in range(3))
    return jnp.asarray(rng.uniform(0.5, 1.5, PIXELS)), scatterer, direct_m, q_per_m


def close(found: Any, wanted: Any, tolerance: float) -> None:
    """Assert equal types, and values within a part of the largest."""
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * max(float(jnp.abs(b).max()), 1e-300))
