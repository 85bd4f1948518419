"""Mosaic domains: rotations drawn once, scaled by a spread that can be fitted."""

from __future__ import annotations

from dataclasses import dataclass

import jax
from jax import Array
from jaxtyping import Float

from nbjax.rotations import about_axis


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class MosaicDraws:
    """Fixed draws of the domains.

    Attributes:
        spread_rad: half-angle of the cap.
        axes: unit rotation axes, shape (domains, 3).
        angle_ratios: rotation angle over spread, shape (domains,); 0 for the aligned domain.
    """

    spread_rad: Float[Array, ""]
    axes: Float[Array, "domains 3"]
    angle_ratios: Float[Array, " domains"]


def domain_rotations(mosaic: MosaicDraws) -> Float[Array, "domains 3 3"]:
    """Rotation matrix of each domain."""
    return jax.vmap(about_axis)(mosaic.axes, mosaic.spread_rad * mosaic.angle_ratios)
