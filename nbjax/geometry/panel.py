"""Detector panels in the laboratory: their placement, and the points on them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from nbjax.attenuation import Attenuation
from nbjax.fields import STATIC
from nbjax.numerics import Components, components, dot
from nbjax.rotations import about_axis, about_xyz


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class PanelParameters:
    """What a user can say, and fit, about one panel. Lengths in m, angles in rad, axes as unit vectors.

    Of several panels every array has one more axis, the first; the choices are the same for all of them.

    Attributes:
        pixel_size_m: edge of a pixel along fast, and along slow too where ``pixel_slow_m`` is None.
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
        curved: bent about the sample, see ``CurvedPanel``.
        point_pixel: no obliquity and no pixel area in the solid angle.
        has_sensor: whether the sensor's thickness is modelled; without it every photon is captured.
        layers: sensor layers that are sampled.
        two_sided: a back that faces the sample sees it, with a negative solid angle.
        pixel_slow_m: edge of a pixel along slow; None for square pixels.
        attenuation: how the sensor's attenuation depends on the wavelength; None: not at all.
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
    pixel_slow_m: Float[Array, ""] | None = None
    attenuation: Attenuation | None = None

    @property
    def pixel_sizes_m(self) -> tuple[Any, Any]:
        """(fast, slow) edges of a pixel in m, each of the shape of ``pixel_size_m``."""
        return self.pixel_size_m, self.pixel_size_m if self.pixel_slow_m is None else self.pixel_slow_m


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Panel:
    """A placed panel, flat.

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

    def point(
        self, fast_m: Float[Array, "..."], slow_m: Float[Array, "..."], depth_m: Float[Array, "..."]
    ) -> Components:
        """Laboratory coordinates in m of points at (fast, slow, depth)."""
        axes = [components(v) for v in (self.origin_m, self.fast, self.slow, self.normal)]
        x, y, z = (o + fast_m * f + slow_m * s + depth_m * n for o, f, s, n in zip(*axes, strict=True))
        return (x, y, z)

    def meet(
        self, diffracted: Float[Array, "3"], depth_m: Float[Array, ""]
    ) -> tuple[Float[Array, ""], Float[Array, ""], Float[Array, ""]]:
        """Fast and slow coordinates in m of the point at a depth that a ray meets, and its distance from the sample.

        The distance is negative where the panel is behind the sample.

        Args:
            diffracted: unit direction of the ray.
            depth_m: of the point.
        """
        along = (self.close_distance_m + depth_m) / jnp.dot(diffracted, self.normal)
        point = along * diffracted - self.origin_m
        return jnp.dot(point, self.fast), jnp.dot(point, self.slow), along

    def normal_at(self, diffracted: Components) -> Components:
        """The normal where a ray meets the panel; ``diffracted`` is its unit direction."""
        return components(self.normal)

    def obliquity(self, diffracted: Components, airpath_m: Float[Array, "..."]) -> Float[Array, "..."]:
        """The area of a pixel across the ray towards it, over its own area; below 0 from behind."""
        return self.close_distance_m / airpath_m


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class CurvedPanel(Panel):
    """A placed panel, bent about the sample: every point is at the close distance R, and faces the sample.

    The near point stays, with the axes there. From it, fast and slow coordinates are lengths of arcs: with
    alpha = (fast - fast of the near point)/R and beta likewise of slow, the point is
    R (sin alpha fast + cos alpha (sin beta slow + cos beta normal)). Alpha is a latitude and beta a longitude, by which
    ``normal`` is turned about the panel's two axes. Neighbours along fast are a pixel apart everywhere, along slow a
    pixel times cos(alpha), and so is the area of a pixel. The panel swings and tilts as a whole.

    This is what nanoBragg's ``-curved_det`` says: all pixels at the same distance, their coordinates taken as radians.
    """

    def point(
        self, fast_m: Float[Array, "..."], slow_m: Float[Array, "..."], depth_m: Float[Array, "..."]
    ) -> Components:
        """See ``Panel.point``; the depth is along the ray."""
        alpha = (fast_m - self.near_point_m[0]) / self.close_distance_m
        beta = (slow_m - self.near_point_m[1]) / self.close_distance_m
        outwards, radius_m = jnp.cos(alpha), self.close_distance_m + depth_m
        shares = (jnp.sin(alpha), outwards * jnp.sin(beta), outwards * jnp.cos(beta))
        axes = [components(v) for v in (self.fast, self.slow, self.normal)]
        x, y, z = (radius_m * sum(a * v for a, v in zip(shares, each, strict=True)) for each in zip(*axes, strict=True))
        return (x, y, z)

    def meet(
        self, diffracted: Float[Array, "3"], depth_m: Float[Array, ""]
    ) -> tuple[Float[Array, ""], Float[Array, ""], Float[Array, ""]]:
        """See ``Panel.meet``."""
        latitude = jnp.arcsin(jnp.clip(jnp.dot(diffracted, self.fast), -1, 1))
        longitude = jnp.arctan2(jnp.dot(diffracted, self.slow), jnp.dot(diffracted, self.normal))
        radius_m = self.close_distance_m
        return (
            radius_m * latitude + self.near_point_m[0],
            radius_m * longitude + self.near_point_m[1],
            radius_m + depth_m,
        )

    def normal_at(self, diffracted: Components) -> Components:
        """See ``Panel.normal_at``; the ray itself."""
        return diffracted

    def obliquity(self, diffracted: Components, airpath_m: Float[Array, "..."]) -> Float[Array, "..."]:
        """See ``Panel.obliquity``; cos(alpha)."""
        latitude = dot(diffracted, components(self.fast))
        return jnp.sign(self.close_distance_m) * jnp.sqrt(1 - latitude * latitude)


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
    kind = CurvedPanel if p.curved else Panel
    nothing = jnp.zeros_like(close)
    return seen_along(kind(origin, fast, slow, normal, nothing, nothing, p.beam_centre_m, p.near_point_m), beam)


def seen_along(panel: Panel, beam: Float[Array, "3"]) -> Panel:
    """The panel with the distances and points that follow from its origin and axes."""
    origin, fast, slow, normal = panel.origin_m, panel.fast, panel.slow, panel.normal
    close = jnp.dot(origin, normal)
    distance = close / jnp.dot(beam, normal)
    hit = distance * beam - origin
    return replace(
        panel,
        close_distance_m=close,
        distance_m=distance,
        beam_centre_m=jnp.stack([jnp.dot(fast, hit), jnp.dot(slow, hit)]),
        near_point_m=jnp.stack([-jnp.dot(origin, fast), -jnp.dot(origin, slow)]),
    )
