"""Backgrounds that were measured, or drawn by hand, in photons."""

from __future__ import annotations

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from nbjax.fields import STATIC
from nbjax.numerics import norm
from nbjax.physics.backgrounds.background import Sight
from nbjax.physics.backgrounds.tabulated import Tabulated
from nbjax.physics.screens.chart import Chart


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Radial:
    """Photons of a pixel by its scattering angle.

    Attributes:
        by_angle: photons at scattering angles 2 theta in rad, in the places of the table.
        scale: of all.
        name: of the file.
        variation: factor by the direction; None: one.
    """

    by_angle: Tabulated
    scale: Float[Array, ""]
    name: str = field(metadata=STATIC)
    variation: Chart | None = None

    def photons(self, sight: Sight) -> Array:
        """See ``InPhotons``."""
        sine = jnp.clip(0.5 * norm(sight.q_per_m) * sight.wavelength_m, 0.0, 1.0)
        # the derivative of the arc sine ends at one
        return self.scale * self.by_angle.at(2 * jnp.arcsin(jnp.minimum(sine, 1 - 1e-7)))


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Picture:
    """Photons of each pixel.

    Attributes:
        per_pixel: photons, of the shape of the image.
        scale: of all.
        name: of the file.
        variation: factor by the direction; None: one.
    """

    per_pixel: Float[Array, "..."]
    scale: Float[Array, ""]
    name: str = field(metadata=STATIC)
    variation: Chart | None = None

    def photons(self, sight: Sight) -> Array:
        """See ``InPhotons``."""
        return self.scale * self.per_pixel.reshape(-1)[sight.number]
