"""Why an image has no photon in it."""

from __future__ import annotations

import jax
import numpy as np
from jaxtyping import Float

from nbjax.geometry.unit_cell import standard_direct
from nbjax.io.hkl import StructureFactorTable
from nbjax.preparation import placed_panel
from nbjax.resolve import Resolved

_POINTS = 65
"""Points along each edge of the panel at which spacings are looked up."""


def why_blank(resolved: Resolved) -> str:
    """One sentence: why every pixel of an image is zero, and what to change."""
    evaluated, _ = resolved.evaluated()
    if not evaluated.any():
        return "every pixel is zero: detector.mask_file and detector.roi leave no pixel to compute; widen one of them"
    if resolved.beam.fluence_photons_per_m2 == 0:
        return "every pixel is zero: beam.fluence_photons_per_m2 is 0; give it, or beam.flux_photons_per_s, above zero"
    crystal, limit_A = resolved.crystal, resolved.sampling.resolution_limit_A
    table = crystal.table
    if crystal.default_F == 0 and table is not None and not table.values.any():
        return "every pixel is zero: all structure factors are 0; give a file with other ones, or a crystal.default_F"
    seen = spacings_on_panel(resolved)
    on_panel = f"the panel sees spacings from {seen.min():.4g} to {seen.max():.4g} A"
    if seen.max() < limit_A:
        return f"every pixel is zero: {on_panel}, sampling.resolution_limit_A = {limit_A:g} drops them all; lower it"
    if crystal.default_F == 0 and table is not None:
        found = spacings_of_table(table, crystal.cell_A, crystal.cell_deg)
        if found.min() > seen.max() or found.max() < seen.min():
            return (
                f"every pixel is zero: {on_panel}, the structure factors have {found.min():.4g} to "
                f"{found.max():.4g} A; move the detector, or give structure factors of these spacings"
            )
    cure = "turn the crystal, or give it mosaic spread, a rotation or fewer cells"
    return f"every pixel is zero: no reflection with a structure factor meets the Ewald sphere on the panel; {cure}"


def spacings_on_panel(resolved: Resolved) -> Float[np.ndarray, " points"]:
    """Spacings in Angstrom that points of the panel see, infinite in the direct beam."""
    panel, d = jax.tree.map(np.asarray, placed_panel(resolved)), resolved.detector
    fast, slow = (np.linspace(0, d.pixel_mm / 1000 * n, _POINTS) for n in (d.pixels_fast, d.pixels_slow))
    points = (panel.origin_m + fast[:, None, None] * panel.fast + slow[None, :, None] * panel.slow).reshape(-1, 3)
    directions = points / np.linalg.norm(points, axis=1, keepdims=True)
    twice_sine = np.linalg.norm(directions - d.beam_direction, axis=1)
    with np.errstate(divide="ignore"):
        return np.asarray(resolved.beam.wavelength_A / twice_sine)


def spacings_of_table(
    table: StructureFactorTable, cell_A: tuple[float, ...], cell_deg: tuple[float, ...]
) -> Float[np.ndarray, " reflections"]:
    """Spacings in Angstrom of the reflections of a table that are not zero, infinite of 0 0 0."""
    hkl = np.argwhere(table.values) + table.minimum
    direct = np.asarray(standard_direct(np.array(cell_A), np.radians(cell_deg)))
    with np.errstate(divide="ignore"):
        return np.asarray(1 / np.linalg.norm(hkl @ np.linalg.inv(direct).T, axis=1))
