"""What a program needs beside the images, a text file each: a line in a registry, and a function of what they share.

All are in the laboratory of the NeXus files: z along the beam, y up.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from nbjax.dataset.nxmx import Instrument, Series
from nbjax.io.experiments.crystfel_writing import panel_lines, panels_lines
from nbjax.io.experiments.recorded import RecordedPanel, RecordedPlace
from nbjax.io.files import atomic_writer


@dataclass(frozen=True)
class Told:
    """What a companion is written from.

    Attributes:
        name: of the dataset; its master is ``NAME_master.h5``.
        instrument, series: what the tree of the master says.
        one_geometry: whether the detector stands in every image where the instrument says.
    """

    name: str
    instrument: Instrument
    series: Series
    one_geometry: bool

    @property
    def several(self) -> bool:
        """Whether there are several panels."""
        return self.instrument.geometry.several


def crystfel_geometry(told: Told) -> str | None:
    """A geometry for CrystFEL (crystfel_geometry(5)), with paths in the file for what changes from image to image."""
    instrument, series = told.instrument, told.series
    if not told.one_geometry and series.distances_m is None:
        return None
    geometry = instrument.geometry
    wavelength, distance = f"{instrument.wavelength_A:.10g}", f"{geometry.root_m:.10g}"
    if series.wavelengths_A is not None:
        wavelength = "/entry/instrument/beam/incident_wavelength"
    if series.distances_m is not None:
        distance = "/entry/instrument/detector/transformations/detector_z"
    lines = [
        "; written by nbjax",
        f"wavelength = {wavelength} A",
        f"clen = {distance} m",
        "mask0_data = /entry/instrument/detector/pixel_mask",
        "mask0_goodbits = 0x00000000",
        "mask0_badbits = 0xffffffff",
    ]
    panels = [_recorded(number, told) for number in range(len(geometry.modules))]
    if geometry.several:
        return _text([*lines, *panels_lines(panels, geometry.groups, 1000 * geometry.root_m)])
    return _text([*lines, *panel_lines("panel", panels[0], 1000 * geometry.root_m)])


def _recorded(number: int, told: Told) -> RecordedPanel:
    """A panel with its place in the images of the master."""
    module = told.instrument.geometry.modules[number]
    axes = (number,) if told.instrument.geometry.several else ()
    return RecordedPanel(
        name=module.name,
        origin_mm=1000 * module.origin_m,
        fast=module.fast,
        slow=module.slow,
        pixel_mm=(1000 * module.pixel_m[0], 1000 * module.pixel_m[1]),
        pixels=module.shape[::-1],
        gain=None if told.instrument.photons_per_count == 1 else 1 / told.instrument.photons_per_count,
        saturation_counts=told.instrument.saturation,
        place=RecordedPlace("/entry/data/data", ("%", *axes, "ss", "fs")),
    )


def xds_input(told: Told) -> str | None:
    """Input of XDS for a rotation series; the library that reads HDF5 is the user's to name."""
    instrument, series = told.instrument, told.series
    if not series.width_deg or not told.one_geometry or series.wavelengths_A is not None or told.several:
        return None
    geometry, count = instrument.geometry, len(series.start_deg)
    normal = np.cross(geometry.fast, geometry.slow)
    edges_m = geometry.modules[0].pixel_m
    axes = (geometry.fast, geometry.slow)
    foot_px = [-geometry.origin_m @ axis / edge_m for axis, edge_m in zip(axes, edges_m, strict=True)]
    # a scan backwards is one forwards about the opposite axis
    sign = np.sign(series.width_deg)
    fast_mm, slow_mm = (1000 * edge_m for edge_m in edges_m)
    lines = [
        "! written by nbjax; XDS runs in this folder, or in another with the name of the master adapted",
        "JOB= XYCORR INIT COLSPOT IDXREF DEFPIX INTEGRATE CORRECT",
        "! LIB= /path/to/dectris-neggia.so",
        f"NAME_TEMPLATE_OF_DATA_FRAMES= {told.name}_??????.h5",
        f"DATA_RANGE= 1 {count}",
        f"SPOT_RANGE= 1 {count}",
        f"BACKGROUND_RANGE= 1 {min(count, 10)}",
        "DETECTOR= EIGER",
        f"NX= {instrument.shape[1]} NY= {instrument.shape[0]} QX= {fast_mm:.10g} QY= {slow_mm:.10g}",
        "MINIMUM_VALID_PIXEL_VALUE= 0",
        f"OVERLOAD= {instrument.saturation}" if instrument.saturation is not None else "!",
        f"SENSOR_THICKNESS= {1000 * instrument.sensor_m:.10g}",
        # XDS counts from the centre of the pixel before the first
        f"ORGX= {foot_px[0] + 0.5:.6f} ORGY= {foot_px[1] + 0.5:.6f}",
        f"DETECTOR_DISTANCE= {1000 * (geometry.origin_m @ normal):.10g}",
        f"DIRECTION_OF_DETECTOR_X-AXIS= {_numbers(geometry.fast)}",
        f"DIRECTION_OF_DETECTOR_Y-AXIS= {_numbers(geometry.slow)}",
        "INCIDENT_BEAM_DIRECTION= 0 0 1",
        f"X-RAY_WAVELENGTH= {instrument.wavelength_A:.10g}",
        f"FRACTION_OF_POLARIZATION= {(1 + instrument.kahn_factor) / 2:.10g}",
        "POLARIZATION_PLANE_NORMAL= 0 1 0",
        f"ROTATION_AXIS= {_numbers(sign * geometry.spindle)}",
        f"STARTING_ANGLE= {sign * series.start_deg[0]:.10g}",
        f"OSCILLATION_RANGE= {abs(series.width_deg):.10g}",
        "! UNIT_CELL_CONSTANTS= " + " ".join(f"{number:.6g}" for number in instrument.cell),
        "SPACE_GROUP_NUMBER= 0",
    ]
    return _text(line for line in lines if line != "!")


def pyfai_calibration(told: Told) -> str | None:
    """A PONI file: the foot of the perpendicular on the panel, and its tilts, in pyFAI's laboratory (up, -x, beam)."""
    if not told.one_geometry or told.several:
        return None
    instrument, geometry = told.instrument, told.instrument.geometry
    to_theirs = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    origin, slow, fast = (to_theirs @ vector for vector in (geometry.origin_m, geometry.slow, geometry.fast))
    foot_slow, foot_fast = -origin @ slow, -origin @ fast
    fast_m, slow_m = geometry.modules[0].pixel_m
    if geometry.pyfai_orientation == 2:
        slow, foot_slow = -slow, instrument.shape[0] * slow_m - foot_slow
    normal = np.cross(slow, fast)
    x, y, z = Rotation.from_matrix(np.stack([slow, fast, normal], axis=-1)).as_euler("xyz")
    config = {
        "pixel1": slow_m,
        "pixel2": fast_m,
        "max_shape": list(instrument.shape),
        "orientation": geometry.pyfai_orientation,
    }
    numbers = {
        "Distance": float(origin @ normal),
        "Poni1": float(foot_slow),
        "Poni2": float(foot_fast),
        "Rot1": -float(x),
        "Rot2": -float(y),
        "Rot3": float(z),
        "Wavelength": instrument.wavelength_A * 1e-10,
    }
    lines = [
        "# written by nbjax",
        "poni_version: 2.1",
        "Detector: Detector",
        f"Detector_config: {json.dumps(config)}",
        *(f"{key}: {value!r}" for key, value in numbers.items()),
    ]
    return _text(lines)


COMPANIONS: dict[str, Callable[[Told], str | None]] = {
    "{name}.geom": crystfel_geometry,
    "{name}.poni": pyfai_calibration,
    "XDS.INP": xds_input,
}
"""By the name of the file; None where the program has no words for the dataset."""


def write_companions(folder: Path, told: Told) -> None:
    """Write what there is to write beside a master.

    Raises:
        FileError: a file cannot be written.
    """
    for pattern, text_of in COMPANIONS.items():
        text = text_of(told)
        if text is not None:
            with atomic_writer(folder / pattern.format(name=told.name), "w") as handle:
                handle.write(text)


def _numbers(values: Iterable[float]) -> str:
    return " ".join(f"{number + 0.0:.10g}" for number in values)


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
