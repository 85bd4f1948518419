"""The laboratory of NeXus files, and an experiment's geometry in it.

NeXus (McStas) has z along the beam and y up. The base configuration's electric vector is put along -x, which is
horizontal, as at a synchrotron. The rotation from nbjax's laboratory is written into every file.
"""

from __future__ import annotations

import jax
import numpy as np

from nbjax.dataset.nxmx import NexusGeometry
from nbjax.dataset.nxmx_modules import Module
from nbjax.io.experiments.recorded import RecordedPanel
from nbjax.preparation import meets_beam, placed_panel
from nbjax.preparation.recorded import recorded_panels
from nbjax.resolve import Resolved

_ACROSS = 1e-9


def nexus_geometry(resolved: Resolved) -> NexusGeometry:
    """The geometry of a resolved configuration."""
    detector = resolved.detector
    panel = jax.tree.map(np.asarray, placed_panel(resolved))
    rotation = nexus_rotation(np.asarray(detector.beam_direction, float), np.asarray(detector.polarization_axis, float))
    meets = meets_beam(panel, np.asarray(detector.beam_direction, float))
    origin_m, fast, slow = (rotation @ vector for vector in (panel.origin_m, panel.fast, panel.slow))
    several = tuple(map(_module, recorded_panels(resolved, rotation))) if len(detector.panels) > 1 else ()
    distance_m = float(panel.distance_m) if meets else None
    slides = max(abs(fast[2]), abs(slow[2])) < _ACROSS
    if several:
        distance_m = float(np.mean([module.middle_m[2] for module in several]))
        slides = not any((*detector.rotation_deg, detector.two_theta_deg))
    edges_mm = detector.panels[0].pixel_mm if detector.panels else (detector.pixel_mm, detector.pixel_mm)
    edges_m = (edges_mm[0] / 1000, edges_mm[1] / 1000)
    fast_px, slow_px = (float(place / edge) for place, edge in zip(panel.beam_centre_m, edges_m, strict=True))
    shape, material = (detector.pixels_slow, detector.pixels_fast), None
    if not several and detector.sensor.materials:
        material = detector.sensor.materials[0].name
    alone = Module("module", origin_m, fast, slow, edges_m, shape, material)
    return NexusGeometry(
        rotation=rotation,
        origin_m=origin_m,
        fast=fast,
        slow=slow,
        spindle=rotation @ np.asarray(detector.spindle_axis, float),
        close_distance_m=float(panel.close_distance_m),
        distance_m=distance_m,
        beam_centre_px=(fast_px, slow_px) if meets and not several else None,
        slides=bool(slides),
        modules=several or (alone,),
        groups=detector.groups if several else (),
    )


def _module(panel: RecordedPanel) -> Module:
    edges_m = (panel.pixel_mm[0] / 1000, panel.pixel_mm[1] / 1000)
    shape = (panel.pixels[1], panel.pixels[0])
    return Module(panel.name, panel.origin_mm / 1000, *panel.unit_axes, edges_m, shape, panel.material)


def nexus_rotation(beam: np.ndarray, polarization_axis: np.ndarray) -> np.ndarray:
    """The rotation that turns the beam to z and the part of the electric vector across it to -x, shape (3, 3)."""
    z = beam / np.linalg.norm(beam)
    x = z * (polarization_axis @ z) - polarization_axis
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z])
