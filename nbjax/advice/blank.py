"""Why an image has no photon in it."""

from __future__ import annotations

import math

from nbjax.advice.spacings import spacings_of_table
from nbjax.preparation.reach import spacings_on_panel
from nbjax.resolve import Resolved


def why_blank(resolved: Resolved) -> str:
    """One sentence: why every pixel of an image is zero, and what to change."""
    evaluated, _ = resolved.evaluated()
    if not evaluated.any():
        return "every pixel is zero: detector.mask_file and detector.roi leave no pixel to compute; widen one of them"
    if resolved.beam.fluence_photons_per_m2 == 0:
        return "every pixel is zero: beam.fluence_photons_per_m2 is 0; give it, or beam.flux_photons_per_s, above zero"
    if resolved.beam.fluence_photons_per_m2 < 1:
        faint = f"beam.fluence_photons_per_m2 = {resolved.beam.fluence_photons_per_m2:g}"
        return f"every pixel is zero: {faint} is less than one photon for each m^2; 1e10 and more are usual"
    offset_mm, size_mm = resolved.crystal.offset_mm, resolved.beam.beamsize_mm
    if offset_mm is not None and math.hypot(*offset_mm) > size_mm / 2:
        place = f"crystal.offset_mm = {offset_mm[0]:g}, {offset_mm[1]:g}"
        return (
            f"every pixel is zero: {place} is outside the beam of beam.beamsize_mm = {size_mm:g}; move it to the beam"
        )
    crystal, limit_A = resolved.crystal, resolved.sampling.resolution_limit_A
    table = crystal.table
    if crystal.default_F == 0 and table is not None and not table.values.any():
        return "every pixel is zero: all structure factors are 0; give a file with other ones, or a crystal.default_F"
    seen = spacings_on_panel(resolved)
    on_panel = f"the panel sees spacings from {seen.min():.4g} to {seen.max():.4g} A"
    longest_A = max(crystal.cell_A)
    if limit_A > longest_A:
        return (
            f"every pixel is zero: sampling.resolution_limit_A = {limit_A:g} is above all spacings of the cell, up to "
            f"{longest_A:.4g} A, and drops every reflection; lower it"
        )
    if seen.max() < limit_A:
        return f"every pixel is zero: {on_panel}, sampling.resolution_limit_A = {limit_A:g} drops them all; lower it"
    if crystal.default_F == 0 and table is not None:
        found = spacings_of_table(table, crystal.cell_A, crystal.cell_deg)
        if found.min() > seen.max() or found.max() < seen.min():
            return (
                f"every pixel is zero: {on_panel}, the structure factors have {found.min():.4g} to "
                f"{found.max():.4g} A; move the detector, or give structure factors of these spacings"
            )
    if resolved.shadows or resolved.absorbers:
        screens = " and ".join(
            name for name, found in (("shadow", resolved.shadows), ("absorber", resolved.absorbers)) if found
        )
        return (
            f"every pixel is zero: no reflection meets the Ewald sphere on the panel, or what is under {screens} lets "
            "nothing pass; leave it out to tell"
        )
    cure = "turn the crystal, or give it mosaic spread, a rotation or fewer cells"
    return f"every pixel is zero: no reflection with a structure factor meets the Ewald sphere on the panel; {cure}"
