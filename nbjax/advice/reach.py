"""Whether the structure factors reach as far as the panel sees."""

from __future__ import annotations

import numpy as np

from nbjax.advice.spacings import spacings_of_table
from nbjax.preparation.reach import spacings_on_panel
from nbjax.resolve import Resolved

_SHARE = 0.1
_DIGITS = 1.02
"""A list may end a little before the spacing that it was made to."""


def dark_corners(resolved: Resolved) -> str | None:
    """One sentence on the part of a panel for which there are no structure factors; None if it is small."""
    crystal, limit_A = resolved.crystal, resolved.sampling.resolution_limit_A
    if crystal.default_F != 0 or crystal.table is None or not crystal.table.values.any():
        return None
    seen_A = spacings_on_panel(resolved)
    end_A = float(spacings_of_table(crystal.table, crystal.cell_A, crystal.cell_deg).min())
    dark = float(np.mean((seen_A * _DIGITS < end_A) & (seen_A > limit_A)))
    if dark < _SHARE:
        return None
    cure = "a list that goes further"
    if resolved.config.crystal.coordinates_file is not None:
        cure = f"crystal.coordinates_resolution_A = {seen_A.min():.3g}"
    return (
        f"the structure factors end at {end_A:.3g} A and the panel sees down to {seen_A.min():.3g} A: "
        f"{100 * dark:.0f} % of its pixels show no reflection; give {cure}, or sampling.resolution_limit_A"
    )
