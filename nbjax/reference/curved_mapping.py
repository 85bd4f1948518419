"""curved_mapping: the curved detector of the C program, turned about the panel's axes by laboratory coordinates."""

from __future__ import annotations

from dataclasses import dataclass, fields

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from nbjax.geometry.panel import Panel
from nbjax.numerics import Components, components


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TurnedPanel(Panel):
    """A flat panel whose points are replaced by the beam's end point, turned about slow and then about fast.

    The angles are y and z of the flat panel's point in the laboratory over the distance, whatever its axes are. Solid
    angle and capture are those of the flat panel's normal.

    Attributes:
        beam: unit direction of the beam, shape (3,).
    """

    beam: Float[Array, "3"]

    def point(
        self, fast_m: Float[Array, "..."], slow_m: Float[Array, "..."], depth_m: Float[Array, "..."]
    ) -> Components:
        """See ``Panel.point``."""
        _, y, z = super().point(fast_m, slow_m, depth_m)
        turned = _turn(components(self.distance_m * self.beam), components(self.slow), y / self.distance_m)
        return _turn(turned, components(self.fast), z / self.distance_m)


def turned(panel: Panel, beam: Float[Array, "3"]) -> TurnedPanel:
    """The C program's curved panel of a placed one."""
    return TurnedPanel(**{field.name: getattr(panel, field.name) for field in fields(Panel)}, beam=beam)


def _turn(v: Components, axis: Components, angle_rad: Float[Array, "..."]) -> Components:
    c, s = jnp.cos(angle_rad), jnp.sin(angle_rad)
    along = (axis[0] * v[0] + axis[1] * v[1] + axis[2] * v[2]) * (1 - c)
    return (
        axis[0] * along + v[0] * c + (axis[1] * v[2] - axis[2] * v[1]) * s,
        axis[1] * along + v[1] * c + (axis[2] * v[0] - axis[0] * v[2]) * s,
        axis[2] * along + v[2] * c + (axis[0] * v[1] - axis[1] * v[0]) * s,
    )
