"""distance_before_swing: the direct beam as if the normal had not taken part in the two-theta swing."""

from __future__ import annotations

from dataclasses import replace

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from nbjax.geometry.panel import Panel, PanelParameters
from nbjax.rotations import about_xyz


def seen_before_swing(panel: Panel, parameters: PanelParameters, beam: Float[Array, "3"]) -> Panel:
    """A placed panel with the C program's distance along the beam, and the beam centre that follows from it.

    Args:
        panel: the panel, which itself is right.
        parameters: what it was placed by.
        beam: unit direction of the beam, shape (3,).
    """
    obliquity = jnp.dot(beam, about_xyz(parameters.rotation_rad) @ parameters.normal_axis)
    distance = panel.close_distance_m / obliquity
    hit = distance * beam - panel.origin_m
    centre = jnp.stack([jnp.dot(panel.fast, hit), jnp.dot(panel.slow, hit)])
    return replace(panel, distance_m=distance, beam_centre_m=centre)
