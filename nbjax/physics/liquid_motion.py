"""Displacements of a crystal's parts that neighbours share, as in a liquid."""

from __future__ import annotations

from dataclasses import dataclass, field

import jax
from jax import Array
from jaxtyping import Float

from nbjax.fields import STATIC


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class LiquidMotion:
    """How far parts of a crystal are displaced, and how far away others are displaced alike.

    Attributes:
        sigma_m: standard deviations along the Cartesian axes of the crystal, which are those of the standard setting of
            ``nbjax.geometry.unit_cell``, shape (3,).
        gamma_m: distances over which correlations fall to 1/e, along the same axes, shape (3,).
        angles: of the spindle, over which diffuse scattering is averaged.
    """

    sigma_m: Float[Array, "3"]
    gamma_m: Float[Array, "3"]
    angles: int = field(default=1, metadata=STATIC)
