"""Resolution of the sampling: subpixels, resolution limit and tile."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nbjax.config.tree import Config
from nbjax.quantities.interval import shown
from nbjax.reference.set_up import program_panel
from nbjax.resolve.beam import ResolvedBeam
from nbjax.resolve.crystal import ResolvedCrystal, edges_of_program_m
from nbjax.resolve.detector import ResolvedDetector
from nbjax.resolve.notes import Notes

DEFAULT_TILE_PIXELS = 8192
_MANY_DOMAINS = 10
_WAVES_IN_REFLECTION = 3


@dataclass(frozen=True)
class ResolvedSampling:
    """Sampling with nothing left open; ``oversample_differs`` tells whether the C program would choose another."""

    oversample: int
    resolution_limit_A: float
    tile_pixels: int
    oversample_differs: bool


def resolve_sampling(
    config: Config, beam: ResolvedBeam, crystal: ResolvedCrystal, detector: ResolvedDetector, notes: Notes
) -> ResolvedSampling:
    """Fill in the sampling, which depends on beam, crystal and detector."""
    sampling = config.sampling
    limit = notes.choose("sampling.resolution_limit_A", sampling.resolution_limit_A, 0.0, "default: none")
    if crystal.model == "closed":
        return _of_closed(limit, sampling.tile_pixels, notes)
    recommended = _recommended_oversample(beam, crystal, detector)
    of_program = _oversample_of_program(config, beam, crystal, detector)
    differs = sampling.oversample is None and of_program != recommended
    if "oversample_distance" in config.parity:
        recommended = of_program
    if sampling.oversample is None:
        origin = "derived from crystal size, wavelength, distance and pixel"
        notes.record("sampling.oversample", recommended, origin)
    else:
        notes.given("sampling.oversample", sampling.oversample)
        if sampling.oversample < recommended:
            notes.warn(
                f"sampling.oversample = {sampling.oversample}: the intensity may vary within a pixel; "
                f"{shown(recommended)} resolves the crystal's fringes"
            )
    _check_gaps(beam, crystal, detector, notes)
    for name in ("solid_angle", "polarization", "thickness"):
        notes.switch(f"sampling.oversample_{name}", getattr(sampling, f"oversample_{name}"))
    return ResolvedSampling(
        oversample=recommended if sampling.oversample is None else sampling.oversample,
        resolution_limit_A=limit,
        tile_pixels=notes.choose("sampling.tile_pixels", sampling.tile_pixels, DEFAULT_TILE_PIXELS),
        oversample_differs=differs,
    )


def _of_closed(limit: float, tile_pixels: int | None, notes: Notes) -> ResolvedSampling:
    """The closed model's sampling, which averages over pixels by formula."""
    notes.record("sampling.oversample", 1, "closed model: by formula")
    tile = notes.choose("sampling.tile_pixels", tile_pixels, DEFAULT_TILE_PIXELS)
    return ResolvedSampling(1, limit, tile, oversample_differs=False)


def _check_gaps(beam: ResolvedBeam, crystal: ResolvedCrystal, detector: ResolvedDetector, notes: Notes) -> None:
    """Tell where a still takes so few wavelengths that spots of single ones show apart.

    At the panel's edge a perfect block reflects the relative band 0.9 wavelength / (2 length sin^2 theta), the width of
    its lattice factor over the change of the excitation error; many mosaic domains add their range over tan theta.
    """
    if beam.spread is None or crystal.phi.count > 1:
        return
    band = beam.spread.band
    places = np.sort(band.places[band.weights > 0])
    theta = min(furthest_angle_rad(detector), math.pi) / 2
    longest_A = max(n * length for n, length in zip(crystal.reach, crystal.cell_A, strict=True))
    taken = 0.9 * beam.wavelength_A / (2 * longest_A * math.sin(theta) ** 2)
    if crystal.mosaic_domains >= _MANY_DOMAINS:
        taken += 2 * math.radians(crystal.spread_deg) / math.tan(theta)
    gap = band.width * float(np.median(np.diff(places))) if len(places) > 1 else 0.0
    if gap > 1.1 * taken / _WAVES_IN_REFLECTION:
        wanted = math.ceil(len(places) * gap * _WAVES_IN_REFLECTION / taken)
        notes.say(
            f"neighbouring wavelengths of the spectrum differ by {100 * gap:.2g} %, a reflection at the panel's edge "
            f"takes {100 * taken:.2g} %, so that spots of single wavelengths may show; about {wanted} wavelengths "
            "(beam.channels, or a finer file) join them"
        )


def _recommended_oversample(beam: ResolvedBeam, crystal: ResolvedCrystal, detector: ResolvedDetector) -> int:
    """Three subpixels for each fringe of the longest crystal edge (nanoBragg's rule)."""
    longest_m = max(n * length * 1e-10 for n, length in zip(crystal.reach, crystal.cell_A, strict=True))
    return _subpixels(longest_m, beam.wavelength_A / 1e10, abs(_beam_distance_mm(detector)) / 1000, detector.pixel_mm)


def _subpixels(longest_m: float, wavelength_m: float, distance_m: float, pixel_mm: float) -> int:
    # in the C program's order, so that a whole number goes the same way
    return max(1, math.ceil(3.0 * longest_m / (wavelength_m * distance_m / (pixel_mm / 1000))))


def _oversample_of_program(
    config: Config, beam: ResolvedBeam, crystal: ResolvedCrystal, detector: ResolvedDetector
) -> int:
    """The C program's number, by the distance that it takes for the one along the beam."""
    edges_m = edges_of_program_m(config, crystal.cell_A, beam.wavelength_A, crystal.misset_deg)
    longest_m = max(length * n for n, length in zip(crystal.reach, edges_m, strict=True))
    distance_m = program_panel(config, detector.size_m, detector.normal_axis).distance_m
    if not (distance_m > 0 and math.isfinite(distance_m)):
        return 1
    return _subpixels(longest_m, beam.wavelength_A / 1e10, distance_m, detector.pixel_mm)


def furthest_angle_rad(detector: ResolvedDetector) -> float:
    """Scattering angle of the panel's furthest corner; a swing adds to that of the panel before it."""
    fast, slow = detector.centre_mm if detector.pivot == "beam" else detector.near_mm
    far_fast = max(abs(fast), abs(1000 * detector.size_m[0] - fast))
    far_slow = max(abs(slow), abs(1000 * detector.size_m[1] - slow))
    angle = math.atan2(math.hypot(far_fast, far_slow), abs(_beam_distance_mm(detector)))
    return angle + abs(math.radians(detector.two_theta_deg))


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
