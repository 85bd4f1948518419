"""interpolation_latch: interpolation stops for good at the first sample that leaves the table."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool

from nbjax.numerics import Components
from nbjax.physics.structure_factor import StructureFactors


def leaves_table(factors: StructureFactors, hkl: Components) -> Bool[Array, "..."]:
    """The C program's test, which keeps two whole indices of margin on either side."""
    assert factors.values is not None
    outside = jnp.zeros(hkl[0].shape, bool)
    for x, low, size in zip(hkl, factors.minimum, factors.values.shape, strict=True):
        outside |= (x - low + 3 > size) | (x - 2 < low)
    return outside
