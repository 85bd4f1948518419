"""Spacings that a panel sees, and those of a table of structure factors."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from nbjax.geometry.unit_cell import standard_direct
from nbjax.preparation import placed_panels
from nbjax.reflections.table import StructureFactorTable
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


def spacings_of_table(
    table: StructureFactorTable, cell_A: tuple[float, ...], cell_deg: tuple[float, ...]
) -> Float[np.ndarray, " reflections"]:
    """Spacings in Angstrom of the reflections of a table that are not zero, infinite of 0 0 0."""
    hkl = np.argwhere(table.amplitudes) + table.minimum
    direct = np.asarray(standard_direct(np.array(cell_A), np.radians(cell_deg)))
    with np.errstate(divide="ignore"):
        return np.asarray(1 / np.linalg.norm(hkl @ np.linalg.inv(direct).T, axis=1))
