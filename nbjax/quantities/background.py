"""Quantities of the backgrounds, of which there may be several."""

from __future__ import annotations

from nbjax.quantities.interval import above_zero, up_to, within
from nbjax.quantities.quantity import Quantity

BACKGROUND: tuple[Quantity, ...] = (
    Quantity(
        "background.thickness_mm",
        "the thickness along the beam in mm",
        "mm",
        up_to(1e6),
        up_to(1e4),
        zero="this background scatters nothing",
        place="thickness_m",
        fitted=True,
        drawn=True,
        attributed=True,
        same=("background.scale", "background.density_g_per_cm3"),
    ),
    Quantity("background.width_mm", "the edge across the beam in mm", "mm", above_zero(1e6), within(1e-4, 1e3)),
    Quantity(
        "background.density_g_per_cm3",
        "the density in g/cm^3",
        "g/cm^3",
        above_zero(100.0),
        within(1e-5, 25.0),
        drawn=True,
    ),
    Quantity(
        "background.molecular_weight_g_per_mol",
        "the weight of the molecule whose structure factor is given, in g/mol",
        "g/mol",
        above_zero(1e9),
        within(1.0, 1e6),
    ),
    Quantity("background.grain_nm", "the size of the grains in nm", "nm", above_zero(1e6), within(2.0, 1000.0)),
    Quantity(
        "background.scale",
        "the factor of the photons of a background",
        hard=up_to(1e12),
        zero="this background scatters nothing",
        typical=0.01,
        place="scale",
        fitted=True,
        drawn=True,
        attributed=True,
        same=("background.thickness_mm",),
    ),
    Quantity(
        "background.variation_percent",
        "the standard deviation of the random factor",
        "%",
        up_to(1000.0),
        up_to(30.0),
        drawn=True,
    ),
    Quantity(
        "background.variation_deg",
        "the angle over which the random factor varies in degrees",
        "degrees",
        within(1.0, 180.0),
        within(2.0, 60.0),
    ),
    Quantity("background.variation_seed", "a seed", hard=within(0.0, 2.0**31 - 1)),
)
