"""Segments of a detector of XDS: rectangles of pixels, each shifted and turned from the plane of the detector.

Pixel IX, IY of a segment is at QX (IX - ORGXS) x + QY (IY - ORGYS) y + FS z from the origin of the detector, with the
axes of the segment told in those of the detector. The origin is where pixel 0, 0 of the detector would be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from nbjax.errors import FileError
from nbjax.io.experiments.recorded import RecordedPanel, RecordedPlace

_MOST_PIXELS = 1 << 30


@dataclass(frozen=True)
class Segment:
    """One segment.

    Attributes:
        place: file and line, for the faults.
        limits: first and last pixel along x, then along y, counted from 1.
        org: ORGXS, ORGYS in pixels.
        distance_mm: FS.
        x, y: its axes in those of the detector, shape (3,).
    """

    place: str
    limits: tuple[int, int, int, int]
    org: tuple[float, float] = (0.0, 0.0)
    distance_mm: float = 0.0
    x: np.ndarray = field(default_factory=lambda: np.array([1.0, 0.0, 0.0]))
    y: np.ndarray = field(default_factory=lambda: np.array([0.0, 1.0, 0.0]))

    @property
    def is_in_plane(self) -> bool:
        """Whether it is where the detector says."""
        told = [*self.org, self.distance_mm, *self.x, *self.y]
        return bool(np.allclose(told, [0, 0, 0, 1, 0, 0, 0, 1, 0]))

    @property
    def window(self) -> tuple[slice, slice]:
        """Its pixels in the image: (slow, fast)."""
        left, right, top, bottom = self.limits
        return slice(top - 1, bottom), slice(left - 1, right)


def segmented(detector: RecordedPanel, normal: np.ndarray, segments: Sequence[Segment]) -> tuple[RecordedPanel, ...]:
    """The segments as panels; the detector as one panel where all are in its plane, what is in none of them bad.

    Args:
        detector: all of its pixels, in its plane.
        normal: third axis of the detector, along which its distance is told, shape (3,).
        segments: of it; none: it has no gaps.

    Raises:
        FileError: a segment that is none.
    """
    fast, slow = detector.pixels
    for segment in segments:
        _check(segment, detector.pixels)
    if all(segment.is_in_plane for segment in segments):
        if not segments or not 0 < fast * slow <= _MOST_PIXELS:
            return (detector,)
        bad = np.ones((slow, fast), bool)
        for segment in segments:
            bad[segment.window] = False
        bad |= False if detector.bad is None else detector.bad
        return (replace(detector, bad=bad if bad.any() else None),)
    return tuple(_panel(detector, normal, number, segment) for number, segment in enumerate(segments, 1))


def _check(segment: Segment, pixels: tuple[int, int]) -> None:
    left, right, top, bottom = segment.limits
    if not (1 <= left <= right <= pixels[0] and 1 <= top <= bottom <= pixels[1]):
        raise FileError(
            f"{segment.place}: the segment of {left} to {right} and {top} to {bottom} is not inside of the detector's "
            f"{pixels[0]} x {pixels[1]} pixels; correct it"
        )
    if min(np.linalg.norm(segment.x), np.linalg.norm(segment.y)) < 1e-6:
        raise FileError(f"{segment.place}: an axis of the segment has no direction; correct it")


def _panel(detector: RecordedPanel, normal: np.ndarray, number: int, segment: Segment) -> RecordedPanel:
    x, y = segment.x / np.linalg.norm(segment.x), segment.y / np.linalg.norm(segment.y)
    axes = np.stack([detector.fast, detector.slow, normal], axis=1) @ np.stack([x, y, np.cross(x, y)], axis=1)
    edges_mm = np.array(detector.pixel_mm)
    # pixel 0, 0 has its middle half a pixel before the corner of pixel 1, 1
    origin_mm = detector.origin_mm - 0.5 * (edges_mm[0] * detector.fast + edges_mm[1] * detector.slow)
    left, right, top, bottom = segment.limits
    corner_mm = (np.array([left, top]) - 0.5 - np.array(segment.org)) * edges_mm
    bad = None if detector.bad is None else detector.bad[segment.window]
    return replace(
        detector,
        name=f"segment {number}",
        origin_mm=origin_mm + axes @ np.array([*corner_mm, segment.distance_mm]),
        fast=axes[:, 0],
        slow=axes[:, 1],
        pixels=(right - left + 1, bottom - top + 1),
        bad=bad if bad is not None and bad.any() else None,
        place=RecordedPlace(None, first=(left - 1, top - 1)),
    )
