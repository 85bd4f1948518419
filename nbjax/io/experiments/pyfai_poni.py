"""Calibrations of pyFAI (``.poni``), versions 1 to 3.

The laboratory is pyFAI's: 1 upwards, 2 to the right as the beam travels, 3 along the beam. The detector stands at the
distance, its point of normal incidence on the beam, then turns about the sample: left-handed about 1 and 2, then
right-handed about 3. Of several calibrations in a file the last one counts.
"""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np

from nbjax.errors import ArgumentError, FileError
from nbjax.io.detectors import KnownDetector, detector_by_name
from nbjax.io.experiments.recorded import PYFAI, Choice, Reader, RecordedBeam, RecordedExperiment, RecordedPanel
from nbjax.io.experiments.words import numbers, whole
from nbjax.io.files import read_text

_START = re.compile(rb"(?im)^\s*poni1\s*:")
_NEWEST = 3.0
_REVERSED = {0: (False, False), 1: (True, True), 2: (True, False), 3: (False, False), 4: (False, True)}
"""Whether slow and fast run against 1 and 2, by the orientation."""

Values = dict[str, tuple[int, str]]


def recognises(start: bytes) -> bool:
    """Whether a file tells a point of normal incidence."""
    return b"\0" not in start and bool(_START.search(start))


def read(path: str, choice: Choice) -> RecordedExperiment:
    """Beam and panel.

    Raises:
        FileError: a number is missing or none, or the detector is not known.
    """
    if choice.crystal is not None:
        raise FileError(f"{path}: tells of no crystal, and needs no #{choice.crystal[:20]}; leave it out")
    values = _values(read_text(path))
    version = _number(path, values, "poni_version", 1.0)
    if version > _NEWEST:
        raise FileError(f"{path}: is of version {version:g}, and 1 to {_NEWEST:g} are known; write it as version 2.1")
    config = _config(path, values)
    detector = _detector(path, values, config)
    wavelength_m = _number(path, values, "wavelength", 0.0)
    return RecordedExperiment(
        file=path,
        frame=PYFAI,
        beam=RecordedBeam(PYFAI.beam, 1e10 * wavelength_m if wavelength_m else None),
        panels=(_panel(path, values, config, detector),),
    )


def _values(text: str) -> Values:
    """The last value of each key, in small letters, with its line."""
    found: Values = {}
    for line, told in enumerate(text.split("\n"), 1):
        key, colon, value = told.partition(":")
        if colon and not told.startswith("#"):
            found[key.strip().lower()] = (line, value.strip())
    return found


def _number(path: str, values: Values, key: str, default: float | None = None) -> float:
    line, value = values.get(key, (0, "None"))
    if value == "None":
        if default is None:
            raise FileError(f"{path}: has no {key}; calibrate again, or add it")
        return default
    return float(numbers(f"{path}: line {line}: {key}", value.split(), 1)[0])


def _config(path: str, values: Values) -> dict[str, Any]:
    """Settings of the detector, in small letters; {} before version 2."""
    line, value = values.get("detector_config", (0, "{}"))
    try:
        found = json.loads(value)
    except json.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise FileError(f"{path}: line {line}: Detector_config is no dictionary of JSON; write the file again")
    return {key.lower(): each for key, each in found.items()}


def _detector(path: str, values: Values, config: dict[str, Any]) -> KnownDetector:
    name = values.get("detector", (0, "Detector"))[1]
    for told in (values.get("splinefile", (0, None))[1], config.get("splinefile")):
        if told not in (None, "", "None", "none"):
            raise FileError(f"{path}: its pixels are placed by the splineFile {told!r}; give one of a flat grid")
    if name.lower() not in ("detector", "none"):
        try:
            return detector_by_name(name, {key: each for key, each in config.items() if each is not None})
        except ArgumentError as error:
            raise FileError(f"{path}: {error}") from None
    sizes_m = [config.get(f"pixel{i}") or _number(path, values, f"pixelsize{i}", 0.0) for i in (1, 2)]
    shape = config.get("max_shape") or config.get("shape")
    if not all(isinstance(size, int | float) and size > 0 for size in sizes_m):
        raise FileError(f"{path}: does not tell the size of pixels; name its Detector, or give pixel1 and pixel2")
    if not isinstance(shape, list) or len(shape) != 2:
        raise FileError(
            f"{path}: does not tell how many pixels there are; name its Detector, or give max_shape in Detector_config"
        )
    slow, fast = (whole(f"{path}: max_shape", str(count)) for count in shape)
    sensor = config.get("sensor")
    sensor = sensor if isinstance(sensor, dict) else {}
    thickness_m, material = sensor.get("thickness"), sensor.get("material")
    return KnownDetector(
        name="Detector",
        pixels=(fast, slow),
        pixel_mm=(1000 * float(sizes_m[1]), 1000 * float(sizes_m[0])),
        material=material if isinstance(material, str) else None,
        thickness_mm=1000 * float(thickness_m) if isinstance(thickness_m, int | float) else None,
    )


def _panel(path: str, values: Values, config: dict[str, Any], detector: KnownDetector) -> RecordedPanel:
    orientation = config.get("orientation", 3)
    if not isinstance(orientation, int) or orientation not in _REVERSED:
        raise FileError(f"{path}: has the orientation {orientation!r}; 1 to 4 are known, of which 3 is the usual one")
    distance_m = _number(path, values, "distance", _number(path, values, "dist", 0.0))
    if not distance_m:
        raise FileError(f"{path}: has no Distance; calibrate again, or add it")
    poni_mm = 1000 * np.array([_number(path, values, f"poni{i}") for i in (1, 2)])
    rot1, rot2, rot3 = (_number(path, values, f"rot{i}", 0.0) for i in (1, 2, 3))
    turn = _about(2, rot3) @ _about(1, -rot2) @ _about(0, -rot1)
    sizes_mm = [count * edge for count, edge in zip(detector.pixels, detector.pixel_mm, strict=True)]
    slow_reversed, fast_reversed = _REVERSED[orientation]
    corner = np.array([sizes_mm[1] if slow_reversed else 0.0, sizes_mm[0] if fast_reversed else 0.0]) - poni_mm
    return RecordedPanel(
        name=detector.name,
        origin_mm=turn @ np.array([*corner, 1000 * distance_m]),
        fast=turn[:, 1] * (-1 if fast_reversed else 1),
        slow=turn[:, 0] * (-1 if slow_reversed else 1),
        pixel_mm=detector.pixel_mm,
        pixels=detector.pixels,
        thickness_mm=detector.thickness_mm,
        material=detector.material,
        bad=detector.bad,
    )


def _about(axis: int, angle_rad: float) -> np.ndarray:
    """Right-handed rotation about an axis of the laboratory."""
    found = np.eye(3)
    i, j = (axis + 1) % 3, (axis + 2) % 3
    found[i, i] = found[j, j] = np.cos(angle_rad)
    found[i, j], found[j, i] = -np.sin(angle_rad), np.sin(angle_rad)
    return found


READER = Reader("a calibration of pyFAI (.poni)", recognises, read)
