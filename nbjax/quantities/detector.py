"""Quantities of the detector."""

from __future__ import annotations

from nbjax.quantities.interval import above_zero, around_zero, up_to, within
from nbjax.quantities.quantity import XYZ, Quantity

_TURNS = around_zero(3.6e5)
_ANYWHERE = around_zero(1e7)
_NEAR = around_zero(2e4)
_COUNT = within(1.0, 2.0**31 - 1)


def _distance(name: str, meaning: str, other: str) -> Quantity:
    return Quantity(
        f"detector.{name}_mm",
        meaning,
        "mm",
        within(1e-3, 1e8),
        within(1.0, 1e5),
        typical=0.01,
        place=f"{name}_m",
        fitted=True,
        drawn=True,
        attributed=True,
        replaces=(f"detector.{other}_mm",),
    )


def _rotation(axis: str) -> Quantity:
    return Quantity(
        f"detector.rotation_{axis}_deg",
        f"the panel's rotation about {axis} in degrees",
        "degrees",
        _TURNS,
        around_zero(360.0),
        typical=0.01,
        place=f"rotation_rad.{XYZ.index(axis)}",
        fitted=True,
        drawn=True,
        attributed=True,
    )


def _centre(axis: str) -> tuple[Quantity, ...]:
    return (
        Quantity(
            f"detector.org_{axis}_px",
            f"the near point in pixels along {'fast' if axis == 'x' else 'slow'}",
            "px",
            around_zero(1e9),
            around_zero(1e5),
            typical=0.1,
            fitted=True,
            drawn=True,
        ),
        Quantity(
            f"detector.beam_{axis}_mm",
            f"{axis.upper()} of the beam centre in mm",
            "mm",
            _ANYWHERE,
            _NEAR,
            typical=0.01,
            fitted=True,
            drawn=True,
            same=(f"detector.close_{axis}_mm",),
        ),
        Quantity(
            f"detector.close_{axis}_mm",
            "a coordinate of the near point in mm",
            "mm",
            _ANYWHERE,
            _NEAR,
            typical=0.01,
            fitted=True,
            drawn=True,
            replaces=(f"detector.beam_{axis}_mm",),
        ),
    )


DETECTOR: tuple[Quantity, ...] = (
    Quantity(
        "detector.origin_shift_mm",
        "a shift of the panel in mm",
        "mm",
        _ANYWHERE,
        _NEAR,
        labels=XYZ,
        typical=0.01,
        place="origin_shift_m",
        fitted=True,
        drawn=True,
        attributed=True,
    ),
    Quantity(
        "detector.pixel_mm",
        "the pixel size in mm",
        "mm",
        within(1e-6, 20.0),
        within(1e-3, 5.0),
        typical=1e-5,
        place="pixel_size_m",
        fitted=True,
        drawn=True,
        attributed=True,
        replaces=("detector.size_fast_mm", "detector.size_slow_mm"),
    ),
    _distance("distance", "the distance of sample and detector in mm", "close_distance"),
    _distance("close_distance", "the shortest distance in mm", "distance"),
    Quantity(
        "detector.axes_deg",
        "a turn of the panel's axes",
        "degrees",
        labels=XYZ,
        typical=0.01,
        fitted=True,
        same=tuple(f"detector.rotation_{axis}_deg" for axis in XYZ),
    ),
    Quantity("detector.two_theta_axis", "the axis of the swing", "vector", typical=0.01, fitted=True),
    Quantity(
        "detector.two_theta_deg",
        "the swing in degrees",
        "degrees",
        _TURNS,
        around_zero(180.0),
        typical=0.01,
        place="two_theta_rad",
        fitted=True,
        drawn=True,
        attributed=True,
    ),
    *(_rotation(axis) for axis in XYZ),
    Quantity(
        "detector.thickness_um",
        "the sensor's thickness in um",
        "um",
        up_to(1e8),
        within(1.0, 2e4),
        typical=1.0,
        place="thickness_m",
        unless=("has_sensor", False),
        fitted=True,
        drawn=True,
        attributed=True,
    ),
    Quantity("detector.window_um", "the window's thickness in um", "um", above_zero(1e8), within(0.1, 1e5)),
    Quantity(
        "detector.attenuation_depth_um",
        "the sensor's 1/mu in um",
        "um",
        above_zero(1e12),
        within(0.1, 1e6),
        typical=1.0,
        unless=("has_sensor", False),
        fitted=True,
        drawn=True,
        attributed=True,
    ),
    *_centre("x"),
    *_centre("y"),
    *(Quantity(f"detector.{name}_axis", f"the {name} axis", "vector") for name in ("fast", "slow", "normal")),
    *(Quantity(f"detector.pixels_{axis}", "the number of pixels", hard=_COUNT) for axis in ("fast", "slow")),
    *(
        Quantity(f"detector.size_{axis}_mm", "the detector's width in mm", "mm", above_zero(1e7), within(0.01, 1e4))
        for axis in ("fast", "slow")
    ),
    Quantity("detector.roi", "the first and last pixels", "px", labels=("f0", "f1", "s0", "s1")),
)
