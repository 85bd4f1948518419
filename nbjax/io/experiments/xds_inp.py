"""XDS.INP, the input of XDS: ``KEYWORD= values``, several on a line, with comments after ``!``."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

import numpy as np

from nbjax.errors import FileError
from nbjax.io.experiments.recorded import (
    XDS,
    Choice,
    Reader,
    RecordedBeam,
    RecordedCrystal,
    RecordedExperiment,
    RecordedPanel,
    RecordedPlace,
    RecordedScan,
)
from nbjax.io.experiments.words import numbers, whole
from nbjax.io.experiments.xds_segments import Segment, segmented
from nbjax.io.experiments.xds_xparm import panel_origin_mm
from nbjax.io.files import read_text

_START = re.compile(
    rb"(?m)^[^!\n=]*\b(JOB|ORGX|NX|DETECTOR|DETECTOR_DISTANCE|X-RAY_WAVELENGTH|OSCILLATION_RANGE|DATA_RANGE)\s*="
)
_KEYWORD = re.compile(r"([A-Z][A-Z0-9_'./()-]*)\s*=")
_MOST_PIXELS = 1 << 30
_OF_SEGMENT = (
    "SEGMENT_ORGX",
    "SEGMENT_ORGY",
    "SEGMENT_DISTANCE",
    "DIRECTION_OF_SEGMENT_X-AXIS",
    "DIRECTION_OF_SEGMENT_Y-AXIS",
)
_PLACE = ("NX", "NY", "QX", "QY", "DETECTOR_DISTANCE", "ORGX", "ORGY")


def recognises(start: bytes) -> bool:
    """Whether a file has a keyword of XDS outside of comments."""
    return b"\0" not in start and bool(_START.search(start))


@dataclass(frozen=True)
class _Keywords:
    """Place and words of each keyword; the last one counts, but for those of segments and regions.

    Attributes:
        path: of the file.
        told: name, line and words of every keyword in order.
        words: line and words of the last of each name.
    """

    path: str
    told: list[tuple[str, int, list[str]]]
    words: dict[str, tuple[int, list[str]]]

    def has(self, name: str) -> bool:
        return bool(self.words.get(name, (0, []))[1])

    def numbers(self, name: str, count: int, default: tuple[float, ...] | None = None) -> np.ndarray:
        if not self.has(name) and default is not None:
            return np.array(default)
        line, words = self.words[name]
        return numbers(f"{self.path}: line {line}: {name}=", words, count)

    def number(self, name: str, default: float | None = None) -> float:
        return float(self.numbers(name, 1, None if default is None else (default,))[0])

    def whole(self, name: str, which: int = 0) -> int:
        line, words = self.words[name]
        self.numbers(name, which + 1)
        return whole(f"{self.path}: line {line}: {name}=", words[which])


def read(path: str, choice: Choice) -> RecordedExperiment:
    """What the input says; the cell only where it is known.

    Raises:
        FileError: a keyword whose values are none.
    """
    if choice.crystal is not None:
        raise FileError(f"{path}: holds one crystal, which needs no #{choice.crystal[:20]}; leave it out")
    told = _keywords(read_text(path))
    words = _Keywords(path, told, {name: (line, values) for name, line, values in told})
    remarks: list[str] = []
    scan = _scan(words)
    return RecordedExperiment(
        file=path,
        frame=XDS,
        crystal=_crystal(words),
        beam=_beam(words),
        panels=_panels(words, remarks),
        scan=scan,
        image=scan.first if scan is not None and choice.image is None else choice.image,
        remarks=tuple(remarks),
    )


def _keywords(text: str) -> list[tuple[str, int, list[str]]]:
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        said = line.partition("!")[0]
        matches = list(_KEYWORD.finditer(said))
        ends = [*(match.start() for match in matches[1:]), len(said)]
        for match, end in zip(matches, ends, strict=True) if matches else ():
            found.append((match[1], number, said[match.end() : end].split()))
    return found


def _beam(words: _Keywords) -> RecordedBeam:
    direction = words.numbers("INCIDENT_BEAM_DIRECTION", 3, (0.0, 0.0, 1.0))
    kahn, electric = None, None
    if words.has("FRACTION_OF_POLARIZATION"):
        kahn = 2 * words.number("FRACTION_OF_POLARIZATION") - 1
        electric = np.cross(words.numbers("POLARIZATION_PLANE_NORMAL", 3, (0.0, 1.0, 0.0)), direction)
        if not np.linalg.norm(electric) > 0:
            electric = None
    wavelength_A = words.number("X-RAY_WAVELENGTH") if words.has("X-RAY_WAVELENGTH") else None
    return RecordedBeam(direction, wavelength_A, kahn, electric)


def _scan(words: _Keywords) -> RecordedScan | None:
    if not (words.has("ROTATION_AXIS") and words.has("OSCILLATION_RANGE")):
        return None
    first, last = 1, None
    if words.has("DATA_RANGE"):
        first, last = words.whole("DATA_RANGE"), words.whole("DATA_RANGE", 1)
    width_deg = words.number("OSCILLATION_RANGE")
    begun = words.whole("STARTING_FRAME") if words.has("STARTING_FRAME") else first
    start_deg = words.number("STARTING_ANGLE", 0.0) + (first - begun) * width_deg
    return RecordedScan(words.numbers("ROTATION_AXIS", 3), start_deg, width_deg, first, last)


def _crystal(words: _Keywords) -> RecordedCrystal | None:
    axes = [f"UNIT_CELL_{axis}-AXIS" for axis in "ABC"]
    if all(map(words.has, axes)):
        return RecordedCrystal(direct_A=np.stack([words.numbers(axis, 3) for axis in axes]))
    if not words.has("UNIT_CELL_CONSTANTS"):
        return None
    cell = words.numbers("UNIT_CELL_CONSTANTS", 6)
    # XDS's own word for a cell that is not known
    return RecordedCrystal(cell=cell) if cell[:3].any() else None


def _panels(words: _Keywords, remarks: list[str]) -> tuple[RecordedPanel, ...]:
    missing = [name for name in _PLACE if not words.has(name)]
    if missing:
        remarks.append(f"the detector is left out, its {', '.join(missing)} are missing")
        return ()
    x = words.numbers("DIRECTION_OF_DETECTOR_X-AXIS", 3, (1.0, 0.0, 0.0))
    y = words.numbers("DIRECTION_OF_DETECTOR_Y-AXIS", 3, (0.0, 1.0, 0.0))
    lengths = [float(np.linalg.norm(axis)) for axis in (x, y)]
    if min(lengths) > 0:
        x, y = x / lengths[0], y / lengths[1]
    org, pixel_mm = (np.array([words.number(f"{name}{axis}") for axis in "XY"]) for name in ("ORG", "Q"))
    thickness, attenuation = words.number("SENSOR_THICKNESS", 0.0), words.number("SILICON", 0.0)
    has_sensor = thickness > 0 and attenuation > 0
    if thickness > 0 and not has_sensor:
        remarks.append("the sensor is left out, SILICON= does not tell its attenuation in 1/mm")
    pixels = (words.whole("NX"), words.whole("NY"))
    gain = words.number("GAIN", 0.0)
    detector = RecordedPanel(
        name="detector",
        origin_mm=panel_origin_mm(org, pixel_mm, words.number("DETECTOR_DISTANCE"), x, y, np.cross(x, y)),
        fast=x,
        slow=y,
        pixel_mm=(float(pixel_mm[0]), float(pixel_mm[1])),
        pixels=pixels,
        thickness_mm=thickness if has_sensor else None,
        attenuation_per_mm=attenuation if has_sensor else None,
        gain=gain if gain > 0 else None,
        saturation_counts=words.number("OVERLOAD") if words.has("OVERLOAD") else None,
        bad=_bad(words, pixels, remarks),
        place=RecordedPlace(None),
    )
    return segmented(detector, np.cross(x, y), _segments(words))


def _segments(words: _Keywords) -> list[Segment]:
    """Segments in order; what is told of one stands after its SEGMENT=."""
    found: list[Segment] = []
    for name, line, values in words.told:
        place = f"{words.path}: line {line}: {name}="
        if name == "SEGMENT":
            numbers(place, values, 4)
            left, right, top, bottom = (whole(place, word) for word in values[:4])
            found.append(Segment(f"{words.path}: line {line}", (left, right, top, bottom)))
        elif not found or name not in _OF_SEGMENT:
            continue
        elif name == "SEGMENT_DISTANCE":
            found[-1] = replace(found[-1], distance_mm=float(numbers(place, values, 1)[0]))
        elif name in ("SEGMENT_ORGX", "SEGMENT_ORGY"):
            value, org = float(numbers(place, values, 1)[0]), found[-1].org
            found[-1] = replace(found[-1], org=(value, org[1]) if name.endswith("X") else (org[0], value))
        else:
            axis = numbers(place, values, 3)
            found[-1] = replace(found[-1], x=axis) if "_X-" in name else replace(found[-1], y=axis)
    return found


def _bad(words: _Keywords, pixels: tuple[int, int], remarks: list[str]) -> np.ndarray | None:
    """Pixels inside of the untrusted rectangles, which do not hold their own edges."""
    fast, slow = pixels
    rectangles = [(line, values) for name, line, values in words.told if name == "UNTRUSTED_RECTANGLE"]
    for name in ("UNTRUSTED_ELLIPSE", "UNTRUSTED_QUADRILATERAL"):
        if words.has(name):
            remarks.append(f"line {words.words[name][0]}: {name}= is not taken; a mask can tell its pixels")
    if not rectangles or not 0 < fast * slow <= _MOST_PIXELS:
        return None
    bad = np.zeros((slow, fast), bool)
    for line, values in rectangles:
        left, right, top, bottom = numbers(f"{words.path}: line {line}: UNTRUSTED_RECTANGLE=", values, 4)
        # counted from 1, and without the edges
        columns, rows = (
            slice(max(math.floor(low), 0), max(math.ceil(high) - 1, 0)) for low, high in ((left, right), (top, bottom))
        )
        bad[rows, columns] = True
    return bad if bad.any() else None


READER = Reader("XDS.INP", recognises, read)
