"""The laboratory of NeXus files, and an experiment's geometry in it.

NeXus (McStas) has z along the beam and y up. The base configuration's electric vector is put along -x, which is
horizontal, as at a synchrotron. The rotation from nbjax's laboratory is written into every file.
"""

from __future__ import annotations

import jax
import numpy as np

from nbjax.dataset.nxmx import NexusGeometry
from nbjax.preparation import meets_beam, placed_panel
from nbjax.resolve import Resolved


def nexus_geometry(resolved: Resolved) -> NexusGeometry:
    """The geometry of a resolved configuration."""
    detector = resolved.detector
    panel = jax.tree.map(np.asarray, placed_panel(resolved))
    rotation = nexus_rotation(np.asarray(detector.beam_direction, float), np.asarray(detector.polarization_axis, float))
    meets = meets_beam(panel, np.asarray(detector.beam_direction, float))
    fast_px, slow_px = map(float, panel.beam_centre_m / (detector.pixel_mm / 1000))
    return NexusGeometry(
        rotation=rotation,
        origin_m=rotation @ panel.origin_m,
        fast=rotation @ panel.fast,
        slow=rotation @ panel.slow,
        spindle=rotation @ np.asarray(detector.spindle_axis, float),
        close_distance_m=float(panel.close_distance_m),
        distance_m=float(panel.distance_m) if meets else None,
        beam_centre_px=(fast_px, slow_px) if meets else None,
    )


def nexus_rotation(beam: np.ndarray, polarization_axis: np.ndarray) -> np.ndarray:
    """The rotation that turns the beam to z and the part of the electric vector across it to -x, shape (3, 3)."""
    z = beam / np.linalg.norm(beam)
    x = z * (polarization_axis @ z) - polarization_axis
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z])
