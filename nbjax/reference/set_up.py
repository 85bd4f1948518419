"""Panel and cell in the C program's own order of operations, where its last bit decides.

Header numbers are rounded to six digits, and an automatic oversampling to a whole number; ties go the way that rounding
errors went. Plain floats in the order of the program give them, where arrays in another order do not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from nbjax.config.tree import Config
from nbjax.constants import DEGREES_PER_RADIAN
from nbjax.geometry.conventions import CONVENTIONS, PLATE_AXES

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class ProgramPanel:
    """The placed panel in m: corner, distances, (fast, slow) of the direct beam, and of the nearest point in pixels."""

    origin_m: Triple
    distance_m: float
    close_distance_m: float
    beam_centre_m: tuple[float, float]
    org_px: tuple[float, float]


def program_panel(config: Config, size_m: tuple[float, float], normal: np.ndarray) -> ProgramPanel:
    """Where the C program puts the panel of a configuration that headers have completed.

    Args:
        config: the configuration.
        size_m: (fast, slow) of the panel.
        normal: unit normal before any rotation.
    """
    detector, convention = config.detector, CONVENTIONS[config.detector.convention]
    pixel = (detector.pixel_mm or 0.1) / 1000.0
    near = [
        (org - 0.5) * pixel if org is not None else size / 2.0
        for org, size in zip((detector.org_x_px, detector.org_y_px), size_m, strict=True)
    ]
    direct = _direct_beam(config, pixel, size_m, near)
    if detector.convention == "custom":
        near = list(direct)
    beam = _unit(config.beam.direction or convention.beam)
    fast, slow = _unit(detector.fast_axis or convention.fast), _unit(detector.slow_axis or convention.slow)
    axis = detector.two_theta_axis or convention.two_theta_axis
    tilts = [_radians(getattr(detector, f"rotation_{name}_deg")) for name in "xyz"]
    swing = _radians(detector.two_theta_deg)
    across: Triple = (float(normal[0]), float(normal[1]), float(normal[2]))
    ratio = _dot(beam, _rotated(across, tilts)) or np.finfo(float).tiny
    given = detector.close_distance_mm
    close = abs(ratio * ((detector.distance_mm or 100.0) / 1000.0)) if given is None else given / 1000.0
    distance = close / ratio
    pivot = detector.pivot or "beam" if detector.convention == "custom" else convention.pivot
    origin: Triple = _sum(
        lambda i: -near[0] * fast[i] - near[1] * slow[i] + close * across[i],
    )
    origin = _about(_rotated(origin, tilts), axis, swing)
    fast, slow, across = (_about(_rotated(vector, tilts), axis, swing) for vector in (fast, slow, across))
    if pivot == "beam":
        origin = _sum(lambda i: -direct[0] * fast[i] - direct[1] * slow[i] + distance * beam[i])
    close = _dot(origin, across)
    distance = close / ratio
    hit = _sum(lambda i: close / ratio * beam[i] - origin[i])
    return ProgramPanel(
        origin_m=origin,
        distance_m=distance,
        close_distance_m=close,
        beam_centre_m=(_dot(fast, hit), _dot(slow, hit)),
        org_px=(-_dot(origin, fast) / pixel + 0.5, -_dot(origin, slow) / pixel + 0.5),
    )


def _direct_beam(
    config: Config, pixel: float, size_m: tuple[float, float], near: Sequence[float]
) -> tuple[float, float]:
    """(fast, slow) of the direct beam before any rotation."""
    detector, rule = config.detector, CONVENTIONS[config.detector.convention].beam_centre
    close = [
        at if said is None else said / 1000.0
        for at, said in zip(near, (detector.close_x_mm, detector.close_y_mm), strict=True)
    ]
    fast_m, slow_m = size_m
    default = {
        "swapped_half": ((slow_m + pixel) / 2.0, (fast_m + pixel) / 2.0),
        "swapped": ((slow_m + pixel) / 2.0, (fast_m + pixel) / 2.0),
        "flipped": ((fast_m + pixel) / 2.0, (slow_m - pixel) / 2.0),
        "plain": (close[0], close[1]),
    }[rule]
    said = (detector.beam_x_mm, detector.beam_y_mm)
    values = [at if value is None else value / 1000.0 for at, value in zip(default, said, strict=True)]
    on_panel = {
        plate.on_panel: plate.to_panel(x, pixel, slow_m) for plate, x in zip(PLATE_AXES[rule], values, strict=True)
    }
    return on_panel[0], on_panel[1]


def program_edges_m(
    cell: Sequence[float] | None, columns: np.ndarray | None, wavelength_m: float, misset_rad: Sequence[float]
) -> Triple:
    """Lengths of the direct vectors as the C program measures them.

    Args:
        cell: given lengths in Angstrom and angles in degrees, if any.
        columns: wavelength times a*, b*, c* of a matrix, if any, shape (3, 3).
        wavelength_m: of the beam.
        misset_rad: about x, y and z.
    """
    lengths, volume = (0.0, 0.0, 0.0), 1.0
    stars: list[Triple] = []
    if cell is not None:
        lengths = (float(cell[0]), float(cell[1]), float(cell[2]))
        stars, volume = _stars(lengths, [float(angle) / DEGREES_PER_RADIAN for angle in cell[3:]])
    if columns is not None:
        stars = [_sum(lambda i, j=j: 1e-10 / wavelength_m * float(columns[i, j])) for j in range(3)]  # type: ignore[misc]
    a, b, c = (_rotated(star, misset_rad) for star in stars)
    crosses = [_cross(b, c), _cross(c, a), _cross(a, b)]
    star_volume = _dot(a, crosses[0])
    if cell is not None:
        crosses = [
            _sum(lambda i, v=v, n=n: n / volume / (_length(v) or 1.0) * v[i])  # type: ignore[misc]
            for v, n in zip(crosses, lengths, strict=True)
        ]
        star_volume = 1.0 / volume
    volume = 1.0 / star_volume
    x, y, z = (_length(_sum(lambda i, v=v: 1e-10 * (volume * v[i]))) for v in crosses)  # type: ignore[misc]
    return x, y, z


def _stars(lengths: Triple, angles: Sequence[float]) -> tuple[list[Triple], float]:
    """Reciprocal vectors of a cell, and the volume that the C program takes it to have."""
    (a, b, c), (al, be, ga) = lengths, angles
    half = (al + be + ga) / 2
    skew = abs(math.sin(half) * math.sin(half - al) * math.sin(half - be) * math.sin(half - ga))
    volume = 2.0 * a * b * c * math.sqrt(skew) or np.finfo(float).tiny
    inverse = 1.0 / volume
    a_star, b_star, c_star = (
        b * c * math.sin(al) * inverse,
        c * a * math.sin(be) * inverse,
        a * b * math.sin(ga) * inverse,
    )
    sin_ga = max(-1.0, min(1.0, c * inverse / a_star / b_star))
    cos_al = (math.cos(be) * math.cos(ga) - math.cos(al)) / (math.sin(be) * math.sin(ga))
    cos_be = (math.cos(ga) * math.cos(al) - math.cos(be)) / (math.sin(ga) * math.sin(al))
    cos_ga = (math.cos(al) * math.cos(be) - math.cos(ga)) / (math.sin(al) * math.sin(be))
    return [
        (a_star, 0.0, 0.0),
        (b_star * cos_ga, b_star * sin_ga, 0.0),
        (
            c_star * cos_be,
            c_star * (cos_al - cos_be * cos_ga) / sin_ga,
            c_star * volume / (a * b * c * sin_ga),
        ),
    ], volume


def _sum(component: Callable[[int], float]) -> Triple:
    return component(0), component(1), component(2)


def _radians(degrees: float | None) -> float:
    return (degrees or 0.0) / DEGREES_PER_RADIAN


def _dot(x: Triple, y: Triple) -> float:
    return x[0] * y[0] + x[1] * y[1] + x[2] * y[2]


def _length(v: Triple) -> float:
    return math.sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2])


def _unit(v: Sequence[float]) -> Triple:
    x, y, z = (float(value) for value in v)
    length = _length((x, y, z)) or 1.0
    return x / length, y / length, z / length


def _cross(x: Triple, y: Triple) -> Triple:
    return x[1] * y[2] - x[2] * y[1], x[2] * y[0] - x[0] * y[2], x[0] * y[1] - x[1] * y[0]


def _rotated(v: Triple, angles_rad: Sequence[float]) -> Triple:
    """About x, then y, then z; no turn leaves a vector as it is."""
    x, y, z = v
    about_x, about_y, about_z = (float(angle) for angle in angles_rad)
    if about_x:
        c, s = math.cos(about_x), math.sin(about_x)
        y, z = y * c + z * -s, y * s + z * c
    if about_y:
        c, s = math.cos(about_y), math.sin(about_y)
        x, z = x * c + y * 0 + z * s, x * -s + y * 0 + z * c
    if about_z:
        c, s = math.cos(about_z), math.sin(about_z)
        x, y = x * c + y * -s, x * s + y * c
    return x, y, z


def _about(v: Triple, axis: Sequence[float], angle_rad: float) -> Triple:
    s, c = math.sin(angle_rad), math.cos(angle_rad)
    x, y, z = axis
    dot = (x * v[0] + y * v[1] + z * v[2]) * (1.0 - c)
    return (
        x * dot + v[0] * c + (-z * v[1] + y * v[2]) * s,
        y * dot + v[1] * c + (+z * v[0] - x * v[2]) * s,
        z * dot + v[2] * c + (-y * v[0] + x * v[1]) * s,
    )
