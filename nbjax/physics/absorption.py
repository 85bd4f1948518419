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
    layer_thickness_m: Float[Array, "..."],
    attenuation_per_m: Float[Array, "..."],
    two_sided: bool = False,
) -> Array:
    """Fraction of the photons that layer number ``layer`` absorbs: exp(-t s mu/rho) - exp(-(t+1) s mu/rho).

    rho = d.o is the cosine of the ray to the panel normal, s the layer's thickness. A ray that comes from behind is not
    captured; with ``two_sided`` it is taken as it comes, as in the C program.
    """
    cosine = dot(diffracted, normal)
    from_front = two_sided | (cosine > 0)
    per_layer = layer_thickness_m * attenuation_per_m / jnp.where(from_front, cosine, 1.0)
    captured = jnp.exp(-layer * per_layer) - jnp.exp(-(layer + 1) * per_layer)
    return jnp.where(from_front, captured, 0.0)
