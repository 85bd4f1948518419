"""What attenuates the photons on their way from the sample to the sensor."""

from __future__ import annotations

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from nbjax.fields import STATIC


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Attenuation:
    """How an attenuation coefficient depends on the wavelength, relative to that at the central one.

    Attributes:
        wavelengths_m: ascending, shape (nodes,).
        logarithms: of the ratio at these, shape (nodes,); between them it is a power of the wavelength.
    """

    wavelengths_m: Float[Array, "*panels nodes"]
    logarithms: Float[Array, "*panels nodes"]

    def ratio(self, wavelength_m: Float[Array, ""]) -> Float[Array, "*panels"]:
        """The ratio at a wavelength, between the first and the last node."""
        nodes = self.wavelengths_m
        first = jnp.clip(jnp.searchsorted(nodes, wavelength_m, side="right") - 1, 0, len(nodes) - 2)
        here, there = nodes[first], nodes[first + 1]
        share = jnp.clip(jnp.log(wavelength_m / here) / jnp.log(there / here), 0.0, 1.0)
        rows = self.logarithms
        return jnp.exp((1 - share) * rows[..., first] + share * rows[..., first + 1])


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Filter:
    """A gas that fills the way to the sensor, or a window in front of each panel.

    Attributes:
        per_m: attenuation at the central wavelength.
        thickness_m: of a window, parallel to the panel; None of a gas.
        spectrum: how the attenuation depends on the wavelength; None: not at all.
        name: of the material.
    """

    per_m: Float[Array, ""]
    thickness_m: Float[Array, ""] | None
    spectrum: Attenuation | None
    name: str = field(metadata=STATIC)

    def transmission(self, airpath_m: Array, cosine: Array, wavelength_m: Float[Array, ""]) -> Array:
        """Fraction of the photons that pass: exp(-mu L), L the way to the pixel, or t / cos of a window.

        Args:
            airpath_m: distance from the sample.
            cosine: of the ray to the panel's normal.
            wavelength_m: of the photons.
        """
        per_m = self.per_m if self.spectrum is None else self.per_m * self.spectrum.ratio(wavelength_m)
        if self.thickness_m is None:
            return jnp.exp(-per_m * airpath_m)
        seen = cosine > 0
        return jnp.where(seen, jnp.exp(-per_m * self.thickness_m / jnp.where(seen, cosine, 1.0)), 1.0)
