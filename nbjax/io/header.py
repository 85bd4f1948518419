"""What an SMV header says about the geometry of an image."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nbjax.constants import DEGREES_PER_RADIAN


@dataclass(frozen=True)
class HeaderFields:
    """Geometry in SI units.

    Attributes:
        distance_m: sample to panel along the beam; NaN, as the beam centres, where the beam misses the panel's plane.
        beam_x_m, beam_y_m: beam centre in the terms of the convention.
        fbeam_m, sbeam_m: direct beam along fast and slow.
        size_slow_m: height of the panel.
        dials_origin_mm: first pixel in the frame of DIALS.
        org_x_px, org_y_px: XDS origin.
        placement: further words, without which the panel could not be placed again: the convention and the
            tilts that are not 0.
    """

    pixel_size_m: float
    distance_m: float
    wavelength_m: float
    beam_x_m: float
    beam_y_m: float
    fbeam_m: float
    sbeam_m: float
    size_slow_m: float
    dials_origin_mm: tuple[float, float, float]
    org_x_px: float
    org_y_px: float
    close_distance_m: float
    phi_start_rad: float
    phi_range_rad: float
    two_theta_rad: float
    placement: tuple[tuple[str, str], ...] = ()


def offset_word(adc_offset: float) -> tuple[str, str]:
    """The word for what was added to every pixel, which the C program's header lacks."""
    return "ADC_OFFSET", f"{adc_offset:g}"


def gain_word(counts_per_photon: float) -> tuple[str, str]:
    """The word for what photons were multiplied with."""
    return "GAIN", f"{counts_per_photon:.9g}"


def saturation_word(counts: int) -> tuple[str, str]:
    """The word for the brightest count that is no overload."""
    return "CCD_IMAGE_SATURATION", str(counts)


def smv_header(fields: HeaderFields) -> list[tuple[str, str]]:
    """Header words in the order and with the six digits of the C program, then what it has no words for.

    A number that is not finite is left out.
    """
    f = fields
    half = 0.5 * f.pixel_size_m
    numbers: list[tuple[str, float]] = [
        ("PIXEL_SIZE", f.pixel_size_m * 1000.0),
        ("DISTANCE", f.distance_m * 1000.0),
        ("WAVELENGTH", f.wavelength_m * 1e10),
        ("BEAM_CENTER_X", f.beam_x_m * 1000.0),
        ("BEAM_CENTER_Y", f.beam_y_m * 1000.0),
        ("ADXV_CENTER_X", f.fbeam_m * 1000.0),
        ("ADXV_CENTER_Y", (f.size_slow_m - f.sbeam_m) * 1000.0),
        ("MOSFLM_CENTER_X", (f.sbeam_m - half) * 1000.0),
        ("MOSFLM_CENTER_Y", (f.fbeam_m - half) * 1000.0),
        ("DENZO_X_BEAM", f.sbeam_m * 1000.0),
        ("DENZO_Y_BEAM", f.fbeam_m * 1000.0),
    ]
    words = [(key, f"{value:g}") for key, value in numbers if math.isfinite(value)]
    words.append(("DIALS_ORIGIN", ",".join(f"{value:g}" for value in f.dials_origin_mm)))
    phi_deg = f.phi_start_rad * DEGREES_PER_RADIAN
    numbers = [
        ("XDS_ORGX", f.org_x_px),
        ("XDS_ORGY", f.org_y_px),
        ("CLOSE_DISTANCE", f.close_distance_m * 1000.0),
        ("PHI", phi_deg),
        ("OSC_START", phi_deg),
        ("OSC_RANGE", f.phi_range_rad * DEGREES_PER_RADIAN),
        ("TWOTHETA", f.two_theta_rad * DEGREES_PER_RADIAN),
    ]
    words += [(key, f"{value:g}") for key, value in numbers]
    return [*words, ("DETECTOR_SN", "000"), ("BEAMLINE", "fake"), *f.placement]
