"""XPARM.XDS and GXPARM.XDS of XDS, in their three versions.

The first lists eleven lines; the second begins with its name and has the crystal before the detector; the third goes on
with the segments of the detector. The beam vector has the length 1/wavelength; the cell axes are those at spindle angle
0. Pixels are counted so that the middle of the first is 1; the detector's distance has a sign, along its normal.
"""

from __future__ import annotations

from dataclasses import dataclass

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
from nbjax.io.experiments.words import is_number, numbers, whole
from nbjax.io.experiments.xds_segments import Segment, segmented
from nbjax.io.files import read_text

_OLD = {"scan": 0, "beam": 1, "size": 2, "place": 3, "x": 4, "y": 5, "normal": 6, "cell": 7, "a": 8, "b": 9, "c": 10}
_NEW = {"scan": 0, "beam": 1, "cell": 2, "a": 3, "b": 4, "c": 5, "size": 6, "place": 7, "x": 8, "y": 9, "normal": 10}
"""Place of each line, after that of the name."""


def recognises(start: bytes) -> bool:
    """Whether a file begins with the name, or with lines of 6 and 4 numbers before 4 and 3 words."""
    lines = start.decode("latin-1").split("\n")[:5]
    if _is_named(lines[0]):
        return True
    words = [line.split() for line in lines[:4]]
    return [len(each) for each in words] == [6, 4, 4, 3] and all(map(is_number, words[0] + words[1]))


def _is_named(line: str) -> bool:
    return line.strip().upper().startswith(("XPARM.XDS", "GXPARM.XDS"))


@dataclass(frozen=True)
class _Lines:
    """Lines of numbers by their names."""

    path: str
    lines: list[tuple[int, list[str]]]
    places: dict[str, int]

    def words(self, name: str) -> tuple[str, list[str]]:
        """Place for errors, and words."""
        place = self.places[name]
        if place >= len(self.lines):
            raise FileError(
                f"{self.path}: ends after {len(self.lines)} lines of numbers, 11 are wanted; it is cut off, run XDS "
                "again"
            )
        number, words = self.lines[place]
        return f"{self.path}: line {number}", words

    def numbers(self, name: str, count: int) -> np.ndarray:
        """So many numbers of a line."""
        place, words = self.words(name)
        return numbers(place, words, count)


def read(path: str, choice: Choice) -> RecordedExperiment:
    """The one crystal of the file.

    Raises:
        FileError: it is cut off or damaged.
    """
    if choice.crystal is not None:
        raise FileError(f"{path}: holds one crystal, which needs no #{choice.crystal[:20]}; leave it out")
    text = [(number, line.split()) for number, line in enumerate(read_text(path).split("\n"), 1) if line.strip()]
    named = bool(text) and _is_named(" ".join(text[0][1]))
    lines = _Lines(path, text[1:] if named else text, _NEW if named else _OLD)
    place, words = lines.words("scan")
    scan = lines.numbers("scan", 6)
    first = whole(place, words[0])
    beam = lines.numbers("beam", 4)
    return RecordedExperiment(
        file=path,
        frame=XDS,
        crystal=RecordedCrystal(
            direct_A=np.stack([lines.numbers(axis, 3) for axis in "abc"]),
            space_group=f"number {lines.numbers('cell', 1)[0]:.0f}",
        ),
        beam=RecordedBeam(direction=beam[1:], wavelength_A=float(beam[0])),
        panels=segmented(_panel(lines, named), lines.numbers("normal", 3), _segments(lines) if named else []),
        scan=RecordedScan(scan[3:], float(scan[1]), float(scan[2]), first),
        image=first if choice.image is None else choice.image,
    )


def _panel(lines: _Lines, named: bool) -> RecordedPanel:
    place, words = lines.words("size")
    words = words[1:] if named else words
    pixel_mm = numbers(place, words[2:], 2)
    told = lines.numbers("place", 3)
    distance_mm, org = (told[2], told[:2]) if named else (told[0], told[1:])
    x, y, normal = (lines.numbers(name, 3) for name in ("x", "y", "normal"))
    return RecordedPanel(
        name="detector",
        origin_mm=panel_origin_mm(org, pixel_mm, distance_mm, x, y, normal),
        fast=x,
        slow=y,
        pixel_mm=(float(pixel_mm[0]), float(pixel_mm[1])),
        pixels=(whole(place, words[0]), whole(place, words[1])),
        place=RecordedPlace(None),
    )


def panel_origin_mm(
    org: np.ndarray, pixel_mm: np.ndarray, distance_mm: float, x: np.ndarray, y: np.ndarray, normal: np.ndarray
) -> np.ndarray:
    """Outer corner of the first pixel, whose middle XDS counts as 1, shape (3,).

    Args:
        org: ORGX, ORGY in pixels.
        pixel_mm: QX, QY.
        distance_mm: along the normal, with its sign.
        x, y, normal: unit axes of the detector, shape (3,).
    """
    corner_mm = (0.5 - org) * pixel_mm
    return np.asarray(corner_mm[0] * x + corner_mm[1] * y + distance_mm * normal)


def _segments(lines: _Lines) -> list[Segment]:
    """Segments of the third version: two lines each, after those of the detector."""
    found = []
    told = lines.lines[11:]
    for (number, limits), (below, words) in zip(told[::2], told[1::2], strict=False):
        place, where = f"{lines.path}: line {number}", f"{lines.path}: line {below}"
        if len(limits) < 5:
            raise FileError(f"{place}: has {len(limits)} numbers where 5 of a segment are wanted; run XDS again")
        left, right, top, bottom = (whole(place, word) for word in limits[1:5])
        values = numbers(where, words, 9)
        found.append(
            Segment(
                place=place,
                limits=(left, right, top, bottom),
                org=(float(values[0]), float(values[1])),
                distance_mm=float(values[2]),
                x=values[3:6],
                y=values[6:9],
            )
        )
    return found


READER = Reader("XPARM.XDS or GXPARM.XDS of XDS", recognises, read)
