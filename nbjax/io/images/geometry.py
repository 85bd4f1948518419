"""The geometry that headers of images tell, in a frame of the panel: fast is x, slow is y."""

from __future__ import annotations

import re

import numpy as np

from nbjax.io.experiments import is_experiment, read_experiment
from nbjax.io.experiments.recorded import RecordedBeam, RecordedExperiment, RecordedPanel
from nbjax.io.images.hdf5 import is_hdf5
from nbjax.io.images.recorded import Recorded
from nbjax.io.smv import header_number

_NUMBER = r"([-+]?\d[\d.]*(?:[eE][-+]?\d+)?)"
_BEAM = re.compile(rf"Beam_xy[\s:=]*\(?\s*{_NUMBER}\s*,\s*{_NUMBER}")
_PIXEL = re.compile(rf"Pixel_size[\s:=]*{_NUMBER}(?: m)?\s*x\s*{_NUMBER}")
_SWING = re.compile(rf"Detector_2theta[\s:=]*{_NUMBER}")


def told_geometry(recorded: Recorded) -> RecordedExperiment | None:
    """Panels and beam as the file of an image tells them, or None where it does not.

    NXmx files place every panel. Headers of nbjax and of the C program tell the point nearest to the sample and the
    direct beam, and so any tilt. Other headers of SMV, and those of Dectris's detectors, are taken where the detector
    does not swing; BEAM_CENTER_X of the former counts along slow, as MOSFLM means it.

    Args:
        recorded: an image.

    Raises:
        FileError: the file is damaged.
    """
    if recorded.dataset is not None:
        # the geometry of NeXus; other HDF5 files, and .npz, tell none
        return _nexus(recorded.file)
    if recorded.stored.ndim != 2:
        return None
    text = recorded.header.get("_array_data.header_contents") or recorded.header.get("imageDescription") or ""
    return _dectris(recorded, text) if "Beam_xy" in text else _smv(recorded)


def told_panels(file: str) -> tuple[RecordedPanel, ...]:
    """The panels that a file of NeXus places; none of other files.

    Raises:
        FileError: the file cannot be read, or is damaged.
    """
    told = _nexus(file)
    return () if told is None else told.panels


def _nexus(file: str) -> RecordedExperiment | None:
    return read_experiment(file, None) if is_hdf5(file) and _tells_detector(file) else None


def _tells_detector(file: str) -> bool:
    from nbjax.io.images.hdf5 import opened
    from nbjax.io.images.nexus import entries, of_class

    with opened(file, file) as content:
        places = [place for entry in entries(content) for place in of_class(content, entry, "NXdetector")]
        geometry = ("module", "detector_distance", "distance")
        told = any(name.startswith(geometry) for place in places for name in content[place])
    return told and is_experiment(file)


def _smv(recorded: Recorded) -> RecordedExperiment | None:
    header = recorded.header

    def number(key: str) -> float | None:
        return header_number(header, key, recorded.file)

    pixel, near_x, near_y, close = map(number, ("PIXEL_SIZE", "XDS_ORGX", "XDS_ORGY", "CLOSE_DISTANCE"))
    beam_x, beam_y = number("DENZO_Y_BEAM"), number("DENZO_X_BEAM")
    if pixel is None or pixel <= 0:
        return None
    if near_x is not None and near_y is not None and close and beam_x is not None and beam_y is not None:
        near = ((near_x - 0.5) * pixel, (near_y - 0.5) * pixel)
        return _facing(recorded, (pixel, pixel), near, close, (beam_x, beam_y))
    distance, swing = number("DISTANCE"), number("TWOTHETA")
    centre = number("BEAM_CENTER_Y"), number("BEAM_CENTER_X")
    if not distance or swing or centre[0] is None or centre[1] is None:
        return None
    return _facing(recorded, (pixel, pixel), (centre[0], centre[1]), distance, (centre[0], centre[1]))


def _dectris(recorded: Recorded, text: str) -> RecordedExperiment | None:
    beam, pixel, swing = _BEAM.search(text), _PIXEL.search(text), _SWING.search(text)
    if beam is None or pixel is None or not recorded.distance_mm or (swing and float(swing[1])):
        return None
    fast_mm, slow_mm = (1000 * float(edge) for edge in pixel.groups())
    centre = float(beam[1]) * fast_mm, float(beam[2]) * slow_mm
    return _facing(recorded, (fast_mm, slow_mm), centre, recorded.distance_mm, centre)


def _facing(
    recorded: Recorded,
    pixel_mm: tuple[float, float],
    near_mm: tuple[float, float],
    close_mm: float,
    beam_mm: tuple[float, float],
) -> RecordedExperiment:
    """One panel across z, whose nearest point and direct beam are known: the direction of the beam follows."""
    slow, fast = recorded.shape
    beam = np.array([beam_mm[0] - near_mm[0], beam_mm[1] - near_mm[1], close_mm])
    return RecordedExperiment(
        file=recorded.file,
        frame=None,
        beam=RecordedBeam(beam / np.linalg.norm(beam), recorded.wavelength_A),
        panels=(
            RecordedPanel(
                name="",
                origin_mm=np.array([-near_mm[0], -near_mm[1], close_mm]),
                fast=np.array([1.0, 0, 0]),
                slow=np.array([0, 1.0, 0]),
                pixel_mm=pixel_mm,
                pixels=(fast, slow),
            ),
        ),
    )
