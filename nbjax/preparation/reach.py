"""How far the panels see."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from nbjax.preparation.detector import placed_panels
from nbjax.resolve import Resolved

_POINTS, _FEWEST = 65, 5
"""Points along each edge of a panel at which spacings are looked up, shared out among several."""


def spacings_on_panel(resolved: Resolved) -> Float[np.ndarray, " points"]:
    """Spacings in Angstrom that points of the panel see, infinite in the direct beam."""
    d, each = resolved.detector, max(_FEWEST, _POINTS // max(1, len(resolved.detector.panels)))
    steps = np.linspace(0, 1, each)
    sizes_m = [np.array(panel.size_mm) / 1000 for panel in d.panels] or [np.array(d.size_m)]
    with jax.enable_x64(True):
        grids = np.stack([np.meshgrid(*(size * steps for size in sizes)) for sizes in sizes_m])
        panels = placed_panels(resolved)
        point = jax.vmap(lambda panel, at: panel.point(at[0], at[1], jnp.zeros(())))(panels, jnp.asarray(grids))
        points = np.stack([np.asarray(x).ravel() for x in point], -1)
    directions = points / np.linalg.norm(points, axis=1, keepdims=True)
    twice_sine = np.linalg.norm(directions - d.beam_direction, axis=1)
    with np.errstate(divide="ignore"):
        return np.asarray(resolved.beam.wavelength_A / twice_sine)
