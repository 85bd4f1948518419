"""The screens of a resolved configuration."""

from __future__ import annotations

import numpy as np

from nbjax.physics.screens.absorber import Absorber
from nbjax.physics.screens.screen import Screen
from nbjax.physics.screens.shadow import Shadow
from nbjax.preparation.detector import MakeArray, radians
from nbjax.resolve import Resolved


def screens(resolved: Resolved, array: MakeArray) -> tuple[Screen, ...]:
    """All shadows, then all absorbers, each in the order of the configuration."""
    absorbers = (
        Absorber(
            per_m=array(one.attenuation_per_mm * 1e3),
            size_m=array(np.array(one.size_mm) / 1e3),
            angle_rad=array(radians(one.angle_deg)),
            shape=one.shape,
        )
        for one in resolved.absorbers
    )
    shadows = (
        Shadow(
            distance_m=array(one.distance_mm / 1e3),
            offset_m=array(np.array(one.offset_mm) / 1e3),
            size_m=array(np.array([one.length_mm, one.width_mm]) / 1e3),
            angle_rad=array(radians(one.angle_deg)),
            penumbra_m=array(one.penumbra_mm / 1e3),
            passed=array(one.transmission),
            kind=one.kind,
        )
        for one in resolved.shadows
    )
    return (*shadows, *absorbers)
