"""Quantities of the bodies that absorb, of which there may be several."""

from __future__ import annotations

from dataclasses import replace

from nbjax.quantities.interval import above_zero, around_zero, up_to, within
from nbjax.quantities.quantity import Quantity

_ALL: tuple[Quantity, ...] = (
    Quantity(
        "absorber.attenuation_per_mm",
        "the attenuation per mm",
        "1/mm",
        up_to(1e6),
        up_to(1e3),
        zero="this body absorbs nothing",
        typical=0.01,
        place="per_m",
    ),
    Quantity("absorber.diameter_mm", "the diameter in mm", "mm", above_zero(1e3), within(1e-4, 10.0), place="size_m.0"),
    Quantity(
        "absorber.size_mm",
        "the edges along the beam, along the direction and across both in mm",
        "mm",
        above_zero(1e3),
        within(1e-4, 10.0),
        labels=("beam", "along", "across"),
        place="size_m",
    ),
    Quantity(
        "absorber.angle_deg",
        "the direction from the polarization axis in degrees",
        "degrees",
        around_zero(3.6e5),
        around_zero(360.0),
        typical=0.1,
        place="angle_rad",
    ),
)

ABSORBER = tuple(replace(quantity, fitted=True, drawn=True, attributed=True) for quantity in _ALL)
