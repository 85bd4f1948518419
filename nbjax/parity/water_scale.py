"""water_scale: the background's extra factor in the C program."""

from __future__ import annotations

from jax import Array


def excess(photons_per_sr_per_electron: Array, steps: int) -> Array:
    """r_e^2 fluence a second time, over the number of steps."""
    return photons_per_sr_per_electron / steps
