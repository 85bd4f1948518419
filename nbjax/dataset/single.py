"""Files of single images beside the shards: miniCBF and SMV."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from nbjax.constants import DEGREES_PER_RADIAN, HC_EV_A
from nbjax.dataset.images import LARGEST
from nbjax.dataset.nxmx import NexusGeometry
from nbjax.dataset.shard import explained
from nbjax.errors import ConfigError, Fault
from nbjax.io.header import HeaderFields, offset_word, smv_header
from nbjax.io.smv import write_smv

_SMV_LARGEST = 65535
_AXES_TOLERANCE = 1e-9


def check_cbf_geometry(geometry: NexusGeometry, rotates: bool) -> None:
    """Make sure that a miniCBF header, which knows neither tilts nor axes, can tell the geometry.

    Raises:
        ConfigError: it cannot.
    """
    wanted = [(geometry.fast, (-1.0, 0.0, 0.0), "fast"), (geometry.slow, (0.0, -1.0, 0.0), "slow")]
    if rotates:
        wanted.append((geometry.spindle, (-1.0, 0.0, 0.0), "spindle"))
    for axis, only, name in wanted:
        if np.abs(axis - np.array(only)).max() > _AXES_TOLERANCE:
            raise ConfigError(
                [
                    Fault(
                        "dataset.also",
                        f'"cbf" has no words for this {name} axis; use an untilted detector under the convention '
                        '"xds", or leave it out and read the NXmx files',
                    )
                ]
            )


def cbf_header(fields: HeaderFields, exposure_s: float, brightest: int) -> str:
    """Lines of a miniCBF header in the words of Dectris's detectors, under the convention GENERIC_MINI.

    Args:
        fields: of the image.
        exposure_s: of the image.
        brightest: count that is no overload.
    """
    pixel = fields.pixel_size_m
    phi = fields.phi_start_rad * DEGREES_PER_RADIAN
    lines = (
        "Detector: nbjax, S/N 00-0000",
        "2000-01-01T00:00:00.000",
        f"Pixel_size {pixel:.10g} m x {pixel:.10g} m",
        f"Exposure_time {exposure_s:.7f} s",
        f"Exposure_period {exposure_s:.7f} s",
        "Tau = 0 s",
        f"Count_cutoff {brightest} counts",
        f"Threshold_setting: {HC_EV_A / (fields.wavelength_m * 1e10) / 2:.0f} eV",
        "Gain_setting: none",
        "N_excluded_pixels = 0",
        f"Wavelength {fields.wavelength_m * 1e10:.10g} A",
        f"Detector_distance {fields.distance_m:.10g} m",
        f"Beam_xy ({fields.fbeam_m / pixel:.10g}, {fields.sbeam_m / pixel:.10g}) pixels",
        f"Start_angle {phi:.6f} deg.",
        f"Angle_increment {fields.phi_range_rad * DEGREES_PER_RADIAN:.6f} deg.",
        "Detector_2theta 0.0000 deg.",
        f"Phi {phi:.6f} deg.",
    )
    return "\r\n".join(f"# {line}" for line in lines)


def write_cbf(path: Path, pixels: np.ndarray, header: str, bad: np.ndarray | None = None) -> None:
    """Write counts as a byte-offset compressed miniCBF, pixels without a value as -1.

    Raises:
        FileError: it cannot be written.
    """
    from fabio.cbfimage import CbfImage

    # fabio writes the stem into the file
    partial = path.with_suffix(".partial")
    counts = pixels.astype(np.int32)
    image = CbfImage(
        data=counts if bad is None else np.where(bad, np.int32(-1), counts),
        header={"_array_data.header_convention": "GENERIC_MINI", "_array_data.header_contents": header},
    )
    with explained(path):
        try:
            image.write(str(partial))
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)


def write_offset_smv(path: Path, pixels: np.ndarray, fields: HeaderFields, adc_offset: float) -> None:
    """Write counts plus an offset as SMV, the offset in its header; overloads become 65535.

    Raises:
        FileError: it cannot be written.
    """
    shifted = np.clip(pixels.astype(float) + adc_offset, 0, _SMV_LARGEST)
    shifted = np.where(pixels >= LARGEST[pixels.dtype.name], _SMV_LARGEST, shifted).astype(np.uint16)
    write_smv(path, shifted, [*smv_header(fields), offset_word(adc_offset)])


def fields_of_image(base: HeaderFields, wavelength_A: float, start_deg: float, width_deg: float) -> HeaderFields:
    """Header fields of one image whose detector is the base configuration's."""
    return replace(
        base,
        wavelength_m=wavelength_A * 1e-10,
        phi_start_rad=start_deg / DEGREES_PER_RADIAN,
        phi_range_rad=width_deg / DEGREES_PER_RADIAN,
    )
