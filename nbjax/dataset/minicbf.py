"""miniCBF files of single images."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from jaxtyping import Int

from nbjax.constants import DEGREES_PER_RADIAN, HC_EV_A
from nbjax.dataset.nxmx import NexusGeometry
from nbjax.dataset.shard import explained
from nbjax.dataset.single import Single
from nbjax.errors import ConfigError, Fault
from nbjax.io.header import HeaderFields

_AXES_TOLERANCE = 1e-9


def check_geometry(geometry: NexusGeometry, rotates: bool, key: str = "dataset.also") -> None:
    """Make sure that a miniCBF header, which knows neither tilts nor axes, can tell the geometry.

    Args:
        geometry: of an image.
        rotates: whether the images rotate.
        key: of the configuration, that asks for the format.

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
                        key,
                        f'"cbf" has no words for this {name} axis; use an untilted detector under the convention '
                        '"xds", or leave it out and read the NXmx files',
                    )
                ]
            )


def write(path: Path, image: Single) -> None:
    """Write counts with byte-offset compression, pixels without a value as -1.

    Raises:
        FileError: it cannot be written.
    """
    counts = np.where(image.bad, np.int32(-1), image.counts.astype(np.int32))
    brightest = np.iinfo(np.int32).max - 1 if image.how.brightest is None else image.how.brightest
    write_counts(path, counts, image.fields, image.exposure_s, brightest)


def write_counts(
    path: Path, counts: Int[np.ndarray, "slow fast"], fields: HeaderFields, exposure_s: float, brightest: int
) -> None:
    """Write counts with byte-offset compression.

    Args:
        path: of the file.
        counts: int32, -1 where a pixel has no value.
        fields, exposure_s, brightest: of ``header_of``.

    Raises:
        FileError: it cannot be written.
    """
    from fabio.cbfimage import CbfImage

    # fabio writes the stem into the file
    partial = path.with_suffix(".partial")
    header = header_of(fields, exposure_s, brightest)
    cbf = CbfImage(
        data=counts,
        header={"_array_data.header_convention": "GENERIC_MINI", "_array_data.header_contents": header},
    )
    with explained(path):
        try:
            cbf.write(str(partial))
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)


def header_of(fields: HeaderFields, exposure_s: float, brightest: int) -> str:
    """Lines of a header in the words of Dectris's detectors, under the convention GENERIC_MINI.

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
