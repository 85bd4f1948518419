"""Resolution of the sampling: subpixels, resolution limit and tile."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nbjax.config.tree import Config
from nbjax.resolve.beam import ResolvedBeam
from nbjax.resolve.crystal import ResolvedCrystal
from nbjax.resolve.detector import ResolvedDetector
from nbjax.resolve.notes import Notes

DEFAULT_TILE_PIXELS = 8192


@dataclass(frozen=True)
class ResolvedSampling:
    """Sampling with nothing left open."""

    oversample: int
    resolution_limit_A: float
    tile_pixels: int


def resolve_sampling(
    config: Config, beam: ResolvedBeam, crystal: ResolvedCrystal, detector: ResolvedDetector, notes: Notes
) -> ResolvedSampling:
    """Fill in the sampling, which depends on beam, crystal and detector."""
    sampling = config.sampling
    limit = notes.choose("sampling.resolution_limit_A", sampling.resolution_limit_A, 0.0, "default: none")
    recommended = _recommended_oversample(beam, crystal, detector)
    if sampling.oversample is None:
        origin = "derived from crystal size, wavelength, distance and pixel"
        notes.record("sampling.oversample", recommended, origin)
    else:
        notes.given("sampling.oversample", sampling.oversample)
        if sampling.oversample < recommended:
            notes.warn(
                f"sampling.oversample = {sampling.oversample}: the intensity may vary within a pixel; "
                f"{recommended} resolves the crystal's fringes"
            )
    for name in ("solid_angle", "polarization", "thickness"):
        notes.switch(f"sampling.oversample_{name}", getattr(sampling, f"oversample_{name}"))
    return ResolvedSampling(
        oversample=recommended if sampling.oversample is None else sampling.oversample,
        resolution_limit_A=limit,
        tile_pixels=notes.choose("sampling.tile_pixels", sampling.tile_pixels, DEFAULT_TILE_PIXELS),
    )


def _recommended_oversample(beam: ResolvedBeam, crystal: ResolvedCrystal, detector: ResolvedDetector) -> int:
    """Three subpixels for each fringe of the longest crystal edge (nanoBragg's rule)."""
    longest_A = max(n * length for n, length in zip(crystal.cells, crystal.cell_A, strict=True))
    fringe_A = beam.wavelength_A * abs(_beam_distance_mm(detector)) / detector.pixel_mm
    return max(1, math.ceil(3.0 * longest_A / fringe_A))


def _beam_distance_mm(detector: ResolvedDetector) -> float:
    """Distance to the panel along the beam; with a given close distance, from the tilt without two-theta."""
    if detector.close_distance_mm is None:
        return detector.distance_mm
    x, y, z = np.radians(detector.rotation_deg)
    cx, sx, cy, sy, cz, sz = np.cos(x), np.sin(x), np.cos(y), np.sin(y), np.cos(z), np.sin(z)
    turn = (
        np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
        @ np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
        @ np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    )
    obliquity = float(np.dot(detector.beam_direction, turn @ detector.normal_axis))
    return detector.close_distance_mm / obliquity if obliquity else detector.close_distance_mm
