"""Quantities of the shadows, of which there may be several."""

from __future__ import annotations

from dataclasses import replace

from nbjax.quantities.interval import above_zero, around_zero, up_to, within
from nbjax.quantities.quantity import Quantity

_ALL: tuple[Quantity, ...] = (
    Quantity(
        "shadow.distance_mm",
        "the distance from the sample in mm",
        "mm",
        above_zero(1e5),
        within(0.5, 5000.0),
        place="distance_m",
    ),
    Quantity(
        "shadow.diameter_mm",
        "the diameter of the disc in mm",
        "mm",
        above_zero(1e4),
        within(0.05, 100.0),
        place="size_m.0",
    ),
    Quantity("shadow.width_mm", "the width in mm", "mm", above_zero(1e4), within(0.01, 500.0), place="size_m.1"),
    Quantity("shadow.length_mm", "the length in mm", "mm", above_zero(1e4), within(0.01, 500.0), place="size_m.0"),
    Quantity(
        "shadow.offset_mm",
        "the place of the middle from the beam",
        "mm",
        around_zero(1e4),
        around_zero(100.0),
        labels=("along polarization", "across"),
        typical=0.01,
        place="offset_m",
    ),
    Quantity(
        "shadow.angle_deg",
        "the direction from the polarization axis in degrees",
        "degrees",
        around_zero(3.6e5),
        around_zero(360.0),
        typical=0.1,
        place="angle_rad",
    ),
    Quantity(
        "shadow.penumbra_mm",
        "the standard deviation of the edges in mm",
        "mm",
        up_to(1e3),
        up_to(10.0),
        zero="edges are as sharp as they can be, without derivatives by their place",
        typical=0.01,
        place="penumbra_m",
    ),
    Quantity(
        "shadow.transmission",
        "the fraction of the photons that pass through, from 0 to 1",
        hard=within(0.0, 1.0),
        physical=within(0.0, 1.0),
        typical=0.01,
        place="passed",
    ),
)

SHADOW = tuple(replace(quantity, fitted=True, drawn=True, attributed=True) for quantity in _ALL)
