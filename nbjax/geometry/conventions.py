"""The geometry conventions of the field as one table: axes, beam-centre rule and pivot of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Convention:
    """Laboratory axes of a convention and the meaning of its beam centre.

    Attributes:
        beam: direction in which the beam travels.
        fast, slow, normal: panel axes before any rotation.
        two_theta_axis, polarization_axis, spindle_axis: rotation axes and the direction of the electric vector.
        pivot: the point that panel rotations leave in place.
        beam_centre: how (X, Y) of the convention become (fast, slow) on the panel:
            "swapped_half": (Y + pixel/2, X + pixel/2); "swapped": (Y, X); "flipped": (X, size_slow - Y);
            "plain": (X, Y).
    """

    beam: Vector
    fast: Vector
    slow: Vector
    normal: Vector
    two_theta_axis: Vector
    polarization_axis: Vector
    spindle_axis: Vector
    pivot: Literal["beam", "sample"]
    beam_centre: Literal["swapped_half", "swapped", "flipped", "plain"]


_X, _Y, _Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
_MINUS_X, _MINUS_Y, _MINUS_Z = (-1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, -1.0)

CONVENTIONS: dict[str, Convention] = {
    "mosflm": Convention(_X, _Z, _MINUS_Y, _X, _MINUS_Z, _Z, _Z, "beam", "swapped_half"),
    "denzo": Convention(_X, _Z, _MINUS_Y, _X, _MINUS_Z, _Z, _Z, "beam", "swapped"),
    "adxv": Convention(_Z, _X, _MINUS_Y, _Z, _MINUS_X, _X, _X, "beam", "flipped"),
    "xds": Convention(_Z, _X, _Y, _Z, _X, _X, _X, "sample", "plain"),
    "dials": Convention(_Z, _X, _Y, _Z, _Y, _Y, _Y, "sample", "plain"),
    "custom": Convention(_X, _Z, _MINUS_Y, _X, _Y, _Z, _Z, "beam", "plain"),
}
"""``custom`` lists what an axis that is not given falls back to (nanoBragg's initial values)."""


@dataclass(frozen=True)
class PlateAxis:
    """How one coordinate of a convention's beam centre lies on the panel.

    Attributes:
        on_panel: 0 for the fast, 1 for the slow coordinate.
        half_pixel: counted from the centre of the first pixel.
        flipped: counted from the far edge.
    """

    on_panel: int
    half_pixel: bool = False
    flipped: bool = False

    def to_panel(self, value: Any, pixel: Any, size: Any) -> Any:
        """Distance from the outer corner of the first pixel; ``size`` is the panel's along slow. Any one unit."""
        value = value + 0.5 * pixel if self.half_pixel else value
        return size - value if self.flipped else value

    def from_panel(self, distance: Any, pixel: Any, size: Any) -> Any:
        """The inverse of ``to_panel``."""
        distance = size - distance if self.flipped else distance
        return distance - 0.5 * pixel if self.half_pixel else distance


PLATE_AXES: dict[str, tuple[PlateAxis, PlateAxis]] = {
    "swapped_half": (PlateAxis(1, half_pixel=True), PlateAxis(0, half_pixel=True)),
    "swapped": (PlateAxis(1), PlateAxis(0)),
    "flipped": (PlateAxis(0), PlateAxis(1, flipped=True)),
    "plain": (PlateAxis(0), PlateAxis(1)),
}
"""(X, Y) of each beam-centre rule."""
