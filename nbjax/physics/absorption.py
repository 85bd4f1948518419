"""Absorption of photons in the layers of a sensor."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from nbjax.numerics import Components, dot


def capture_fraction(
    diffracted: Components,
    normal: Components,
    layer: Float[Array, ""],
    layer_thickness_m: Float[Array, ""],
    attenuation_per_m: Float[Array, ""],
) -> Array:
    """Fraction of the photons that layer number ``layer`` absorbs: exp(-t s mu/rho) - exp(-(t+1) s mu/rho).

    rho = d.o is the cosine of the ray to the panel normal, s the layer's thickness.
    """
    per_layer = layer_thickness_m * attenuation_per_m / dot(diffracted, normal)
    return jnp.exp(-layer * per_layer) - jnp.exp(-(layer + 1) * per_layer)
