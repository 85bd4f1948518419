"""The panels of a configuration as files of other programs tell them."""

from __future__ import annotations

from dataclasses import replace

import jax
import numpy as np
from jaxtyping import Bool, Float

from nbjax.io.experiments.recorded import RecordedPanel
from nbjax.preparation.detector import placed_panels
from nbjax.resolve import Resolved


def recorded_panels(resolved: Resolved, turn: Float[np.ndarray, "3 3"]) -> tuple[RecordedPanel, ...]:
    """Every panel where it stands after all shifts and rotations, with its sensor, name and place in nbjax's images.

    Gain and saturation are those of photons, not of the counts that a geometry tells of; bad pixels are left to masks.

    Args:
        resolved: the completed configuration.
        turn: from nbjax's laboratory to that of the file, acting on column vectors.
    """
    d = resolved.detector
    placed = jax.tree.map(np.asarray, placed_panels(resolved))
    has_sensor = d.thickness_um > 0
    plain = RecordedPanel(
        name="panel",
        origin_mm=np.zeros(3),
        fast=np.zeros(3),
        slow=np.zeros(3),
        pixel_mm=(d.pixel_mm, d.pixel_mm),
        pixels=(d.pixels_fast, d.pixels_slow),
        thickness_mm=d.thickness_um / 1000 if has_sensor else None,
        attenuation_per_mm=1000 / d.attenuation_depth_um if has_sensor else None,
    )
    found = []
    for number, panel in enumerate(d.panels or (plain,)):
        known = d.sensor.materials[number] if has_sensor and d.sensor.materials else None
        told = panel.attenuation_per_mm if has_sensor else None
        found.append(
            replace(
                plain,
                name=panel.name,
                origin_mm=turn @ (1000 * placed.origin_m[number]),
                fast=turn @ placed.fast[number],
                slow=turn @ placed.slow[number],
                pixel_mm=panel.pixel_mm,
                pixels=panel.pixels,
                material=panel.material if known is None else known.name,
                attenuation_per_mm=known.per_m / 1000 if known is not None else told or plain.attenuation_per_mm,
            )
        )
    return tuple(found)


def bad_of_panels(resolved: Resolved) -> list[Bool[np.ndarray, "slow fast"] | None]:
    """Pixels of each panel that the configuration leaves out, its padding cut away; None where it leaves none."""
    d = resolved.detector
    if resolved.mask is None:
        return [None] * max(1, len(d.panels))
    used = (resolved.mask != 0).reshape(-1, d.pixels_slow, d.pixels_fast)
    sizes = [panel.pixels for panel in d.panels] or [(d.pixels_fast, d.pixels_slow)]
    bad = [~own[:slow, :fast] for own, (fast, slow) in zip(used, sizes, strict=True)]
    return [own if own.any() else None for own in bad]
