"""Resolution of the rotation exposure: steps of the spindle that no reflection slips through."""

from __future__ import annotations

import math

from nbjax.config.tree import Config
from nbjax.resolve.beam import ResolvedBeam
from nbjax.resolve.crystal import ResolvedCrystal
from nbjax.resolve.detector import ResolvedDetector
from nbjax.resolve.notes import Notes
from nbjax.resolve.sampling import furthest_angle_rad
from nbjax.resolve.steps import NONE, Steps, rotation_steps

_MOST = 1000
"""Steps that are derived at most."""

_SLACK = 1.25
"""Steps wider than a spot by so much leave every fully recorded reflection more than half of its intensity."""

_DENSE, _SPARSE = 50, 2
"""Domains that a step meets in the reflecting position: so many measure intensities within a tenth, and with fewer than
so many whole reflections are lost."""


def resolve_rotation(
    config: Config, beam: ResolvedBeam, crystal: ResolvedCrystal, detector: ResolvedDetector, notes: Notes
) -> Steps:
    """Steps of the spindle; a negative range or step turns it the other way.

    A range alone takes as many steps as the crystal's spots ask for; under parity two, as the C program.
    """
    range_deg, step_deg, count = config.crystal.phi_range_deg, config.sampling.phi_step_deg, config.sampling.phi_steps
    if step_deg == 0:
        notes.fault("sampling.phi_step_deg", "got 0, must not be zero; leave it out for steps of range / count")
        step_deg = None
    if step_deg is not None and range_deg is not None and step_deg * range_deg < 0:
        notes.fault(
            "sampling.phi_step_deg",
            f"got {step_deg:g}, turns against crystal.phi_range_deg = {range_deg:g}; give both the same sign",
        )
    if notes.faults:
        return rotation_steps(range_deg, step_deg, count)
    if crystal.model == "closed":
        phi = Steps(range_deg, range_deg / 2, 2, False, "closed model: the range as a whole") if range_deg else NONE
        notes.record("crystal.phi_range_deg", phi.range, phi.origin)
        return phi
    spot_deg = _spot_deg(config, beam, crystal, detector)
    derived = bool(range_deg) and step_deg is None and count is None and not config.parity
    if derived:
        count = _steps(range_deg or 0.0, _reflecting_deg(spot_deg, crystal, _DENSE))
    phi = rotation_steps(range_deg, step_deg, count)
    origin = f"derived: spots are {spot_deg:.2g} degrees wide, the mosaic spread is {crystal.spread_deg:g}"
    notes.record("crystal.phi_range_deg", phi.range, phi.origin)
    notes.record("sampling.phi_step_deg", phi.step, phi.origin)
    notes.record("sampling.phi_steps", phi.count, origin if derived else phi.origin)
    if derived:
        notes.say(f"sampling.phi_steps = {phi.count}, {origin}")
    widest_deg = _reflecting_deg(spot_deg, crystal, _SPARSE)
    if phi.range and abs(phi.step) > _SLACK * widest_deg:
        wanted = math.ceil(abs(phi.range) / _reflecting_deg(spot_deg, crystal, _DENSE))
        notes.warn(
            f"sampling.phi_steps = {phi.count}: reflections slip through steps of {abs(phi.step):.2g} degrees, spots "
            f"are {spot_deg:.2g} degrees wide and the mosaic spread is {crystal.spread_deg:g}; {wanted} steps "
            "record all of them"
        )
    return phi


def _steps(range_deg: float, width_deg: float) -> int:
    return min(_MOST, max(2, math.ceil(abs(range_deg) / width_deg - 1e-9)))


def _spot_deg(config: Config, beam: ResolvedBeam, crystal: ResolvedCrystal, detector: ResolvedDetector) -> float:
    """Turn of the spindle in which the fastest reflection of the panel crosses the width of a spot.

    The squared lattice factor of N cells is a sum of waves along each index, of which the shortest is 1/N long:
    samples 1/N apart sum to its integral exactly. A point of the reciprocal lattice passes the Ewald sphere at
    sin(2 theta)/wavelength per radian at most.
    """
    longest_A = max(n * length for n, length in zip(crystal.reach, crystal.cell_A, strict=True))
    angle_rad = furthest_angle_rad(detector)
    limit_A = config.sampling.resolution_limit_A or 0.0
    if 2 * limit_A > beam.wavelength_A:
        angle_rad = min(angle_rad, 2 * math.asin(beam.wavelength_A / (2 * limit_A)))
    return math.degrees(beam.wavelength_A / (longest_A * math.sin(min(angle_rad, math.pi / 2))))


def _reflecting_deg(spot_deg: float, crystal: ResolvedCrystal, domains: int) -> float:
    """Width that a reflection shines over: that of a spot, or that of the mosaic spread, as far as a step meets
    ``domains`` of the domains that stand for it.
    """
    return max(spot_deg, min(crystal.spread_deg, spot_deg * crystal.mosaic_domains / domains))
