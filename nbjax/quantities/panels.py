"""Quantities of each of several panels, and of the groups in which they move."""

from __future__ import annotations

from nbjax.quantities.interval import around_zero
from nbjax.quantities.quantity import XYZ, Quantity


def _motions(section: str, of: str) -> tuple[Quantity, ...]:
    return (
        Quantity(
            f"{section}.shift_mm",
            f"a shift of {of} in mm",
            "mm",
            around_zero(1e7),
            around_zero(2e4),
            labels=XYZ,
            typical=0.01,
            place="shift_m",
            fitted=True,
            attributed=True,
        ),
        Quantity(
            f"{section}.rotation_deg",
            f"a rotation of {of} about its middle in degrees",
            "degrees",
            around_zero(3.6e5),
            around_zero(360.0),
            labels=XYZ,
            typical=0.01,
            place="rotation_rad",
            fitted=True,
            attributed=True,
        ),
    )


PANELS: tuple[Quantity, ...] = (*_motions("groups", "a group of panels"), *_motions("panels", "a panel"))
