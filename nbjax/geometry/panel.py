"""Placement of a detector panel in the laboratory, and points on it."""

from __future__ import annotations

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from nbjax.fields import STATIC
from nbjax.numerics import Components, components
from nbjax.rotations import about_axis, about_xyz


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class PanelParameters:
    """What a user can say, and fit, about one panel. Lengths in m, angles in rad, axes as unit vectors.

    Attributes:
        pixel_size_m: edge of a square pixel.
        distance_m: sample to panel along the beam; None when ``close_distance_m`` is given.
        close_distance_m: sample to the nearest point of the panel's plane; None when ``distance_m`` is given.
        beam_centre_m: (fast, slow) of the direct beam on the panel; fixes the panel under the beam pivot.
        near_point_m: (fast, slow) of the point nearest to the sample; fixes the panel under the sample pivot.
        fast_axis, slow_axis, normal_axis: axes before rotation, shape (3,).
        rotation_rad: rotations about the laboratory x, then y, then z, shape (3,).
        two_theta_rad, two_theta_axis: the last rotation.
        origin_shift_m: shift of the placed panel in the laboratory, shape (3,).
        thickness_m, attenuation_per_m: sensor; thickness 0 absorbs everything at the front face.
        pivot: "beam" or "sample".
        curved: all pixels at the same distance.
        point_pixel: no obliquity and no pixel area in the solid angle.
        has_sensor: whether the sensor's thickness is modelled; without it every photon is captured.
        layers: sensor layers that are sampled.
        two_sided: a back that faces the sample sees it, with a negative solid angle.
    """

    pixel_size_m: Float[Array, ""]
    distance_m: Float[Array, ""] | None
    close_distance_m: Float[Array, ""] | None
    beam_centre_m: Float[Array, "2"]
    near_point_m: Float[Array, "2"]
    fast_axis: Float[Array, "3"]
    slow_axis: Float[Array, "3"]
    normal_axis: Float[Array, "3"]
    rotation_rad: Float[Array, "3"]
    two_theta_rad: Float[Array, ""]
    two_theta_axis: Float[Array, "3"]
    origin_shift_m: Float[Array, "3"]
    thickness_m: Float[Array, ""]
    attenuation_per_m: Float[Array, ""]
    pivot: str = field(metadata=STATIC)
    curved: bool = field(metadata=STATIC)
    point_pixel: bool = field(metadata=STATIC)
    has_sensor: bool = field(metadata=STATIC)
    layers: int = field(metadata=STATIC)
    two_sided: bool = field(default=False, metadata=STATIC)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Panel:
    """A placed panel.

    Attributes:
        origin_m: outer corner of the first pixel, shape (3,).
        fast, slow, normal: unit axes, shape (3,).
        close_distance_m: distance of the plane from the sample.
        distance_m: from the sample along the beam to the panel's plane, after every rotation and shift.
        beam_centre_m, near_point_m: (fast, slow) of the direct beam, and of the nearest point, likewise.
    """

    origin_m: Float[Array, "3"]
    fast: Float[Array, "3"]
    slow: Float[Array, "3"]
    normal: Float[Array, "3"]
    close_distance_m: Float[Array, ""]
    distance_m: Float[Array, ""]
    beam_centre_m: Float[Array, "2"]
    near_point_m: Float[Array, "2"]


def place_panel(parameters: PanelParameters, beam: Float[Array, "3"]) -> Panel:
    """Put the panel where its pivot, distance, rotations and shift say.

    Under the sample pivot the nearest point is fixed before the panel swings; under the beam pivot the panel turns
    first and the direct-beam point is put at ``distance_m`` along the beam.

    Args:
        parameters: the panel.
        beam: unit direction of the beam, shape (3,).
    """
    p = parameters
    turn = about_xyz(p.rotation_rad)
    # the two distances are related without the two-theta swing, as nanoBragg relates them
    obliquity = jnp.dot(beam, turn @ p.normal_axis)
    if p.close_distance_m is not None:
        close = p.close_distance_m
    else:
        assert p.distance_m is not None
        close = jnp.abs(obliquity * p.distance_m)
    swing = about_axis(p.two_theta_axis, p.two_theta_rad) @ turn
    fast, slow, normal = swing @ p.fast_axis, swing @ p.slow_axis, swing @ p.normal_axis
    if p.pivot == "sample":
        near = p.near_point_m
        origin = swing @ (-near[0] * p.fast_axis - near[1] * p.slow_axis + close * p.normal_axis)
    else:
        centre = p.beam_centre_m
        origin = -centre[0] * fast - centre[1] * slow + close / obliquity * beam
    origin = origin + p.origin_shift_m
    close = jnp.dot(origin, normal)
    distance = close / jnp.dot(beam, normal)
    hit = distance * beam - origin
    return Panel(
        origin_m=origin,
        fast=fast,
        slow=slow,
        normal=normal,
        close_distance_m=close,
        distance_m=distance,
        beam_centre_m=jnp.stack([jnp.dot(fast, hit), jnp.dot(slow, hit)]),
        near_point_m=jnp.stack([-jnp.dot(origin, fast), -jnp.dot(origin, slow)]),
    )


def point_on_panel(
    panel: Panel, fast_m: Float[Array, "..."], slow_m: Float[Array, "..."], depth_m: Float[Array, ""]
) -> Components:
    """Laboratory coordinates in m of points at (fast, slow, depth) on a flat panel."""
    axes = [components(v) for v in (panel.origin_m, panel.fast, panel.slow, panel.normal)]
    x, y, z = (o + fast_m * f + slow_m * s + depth_m * n for o, f, s, n in zip(*axes, strict=True))
    return (x, y, z)


def bend(panel: Panel, beam: Float[Array, "3"], point: Components) -> Components:
    """Curved panel: the beam's end point, turned about slow by y/distance, then about fast by z/distance."""
    centre = components(panel.distance_m * beam)
    turned = _turn(centre, components(panel.slow), point[1] / panel.distance_m)
    return _turn(turned, components(panel.fast), point[2] / panel.distance_m)


def _turn(v: Components, axis: Components, angle_rad: Float[Array, "..."]) -> Components:
    c, s = jnp.cos(angle_rad), jnp.sin(angle_rad)
    along = (axis[0] * v[0] + axis[1] * v[1] + axis[2] * v[2]) * (1 - c)
    return (
        axis[0] * along + v[0] * c + (axis[1] * v[2] - axis[2] * v[1]) * s,
        axis[1] * along + v[1] * c + (axis[2] * v[0] - axis[0] * v[2]) * s,
        axis[2] * along + v[2] * c + (axis[0] * v[1] - axis[1] * v[0]) * s,
    )
