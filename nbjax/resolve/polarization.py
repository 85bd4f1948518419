"""Resolution of the polarization: how much of it there is, and along which direction."""

from __future__ import annotations

import numpy as np

from nbjax.config.tree import Beam, Config
from nbjax.resolve.notes import Notes

_ALONG = 1e-9
"""Sine of the angle to the beam below which a normal has no plane."""


def kahn_factor(beam: Beam, notes: Notes) -> float:
    """Kahn's factor: as given, or of the fraction f of the intensity along the axis, 2 f - 1."""
    fraction = beam.polarization_fraction
    if fraction is None:
        return notes.choose("beam.polarization", beam.polarization, 0.0)
    if beam.polarization is not None:
        notes.fault("beam.polarization_fraction", "given together with beam.polarization; leave one of them out")
    notes.given("beam.polarization_fraction", fraction)
    factor = 2 * fraction - 1
    notes.record("beam.polarization", factor, "2 beam.polarization_fraction - 1")
    return factor


def electric_axis(config: Config, direction: np.ndarray, notes: Notes) -> np.ndarray | None:
    """Unit direction of the electric vector by the normal of its plane; None where no normal is given.

    The electric vector lies in the plane at right angles to the normal, across the beam: normal x (towards the source).

    Args:
        config: the whole of it; the normal needs the custom convention, as the axis does.
        direction: of the beam, a unit vector.
        notes: take the faults.
    """
    key, normal = "beam.polarization_normal", config.beam.polarization_normal
    if normal is None:
        return None
    notes.given(key, normal)
    convention = config.detector.convention
    if convention != "custom":
        notes.fault(key, f'the {convention} convention fixes the plane; set detector.convention = "custom"')
        return None
    if config.beam.polarization_axis is not None:
        notes.fault(key, "given together with beam.polarization_axis; leave one of them out")
        return None
    axis = np.cross(normal, -direction)
    length, whole = float(np.linalg.norm(axis)), float(np.linalg.norm(normal))
    if not length > _ALONG * whole:
        what = "lies along the beam" if whole else "a direction must not be the zero vector"
        notes.fault(key, f"got {normal}, {what}; give the normal of the plane of beam and electric vector")
        return None
    return axis / length
