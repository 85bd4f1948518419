"""What the files of processing programs say about an experiment, in the frame and units of one kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Frame:
    """The laboratory of a program.

    Attributes:
        name: the program.
        beam, spindle: direction of the beam and axis of rotation where a file does not tell them, shape (3,).
    """

    name: str
    beam: np.ndarray
    spindle: np.ndarray


_X, _Y, _Z = np.eye(3)

DIALS = Frame("DIALS", -_Z, _X)
XDS = Frame("XDS", _Z, _X)
CRYSTFEL = Frame("CrystFEL", _Z, -_X)
MOSFLM = Frame("MOSFLM", _X, _Z)
NEXUS = Frame("NeXus", _Z, -_X)
PYFAI = Frame("pyFAI", _Z, _Y)


@dataclass(frozen=True)
class RecordedCrystal:
    """A crystal.

    Attributes:
        cell: lengths in Angstrom and angles in degrees, shape (6,); None: those of ``direct_A``.
        direct_A: a, b, c as rows in Angstrom, with the spindle at 0, shape (3, 3); None where no orientation is told.
        space_group: as the file has it, or None.
    """

    cell: np.ndarray | None = None
    direct_A: np.ndarray | None = None
    space_group: str | None = None


@dataclass(frozen=True)
class RecordedBeam:
    """A beam; None is what the file leaves open.

    Attributes:
        direction: in which it travels, shape (3,).
        kahn_factor: linear polarization, -1..1.
        electric_axis: direction of the electric vector, shape (3,).
    """

    direction: np.ndarray | None = None
    wavelength_A: float | None = None
    kahn_factor: float | None = None
    electric_axis: np.ndarray | None = None


@dataclass(frozen=True)
class RecordedPlace:
    """Where the pixels of a panel are in the files of images.

    Attributes:
        dataset: path of the array, or None.
        axes: of the array, the slowest first: "ss" and "fs" of the panel, "%" of the images, or a fixed number.
        first: (fast, slow) numbers of the panel's first pixel along fs and ss.
    """

    dataset: str | None
    axes: tuple[str | int, ...] = ("ss", "fs")
    first: tuple[int, int] = (0, 0)

    def of_image(self, pixels: tuple[int, int]) -> tuple[int | slice, ...]:
        """Index of a panel of so many (fast, slow) pixels in the array of one image, its axes "%" taken away."""
        ranges = {
            axis: slice(first, first + count)
            for axis, first, count in zip(("fs", "ss"), self.first, pixels, strict=True)
        }
        return tuple(ranges[axis] if isinstance(axis, str) else axis for axis in self.axes if axis != "%")


@dataclass(frozen=True)
class RecordedPanel:
    """One panel.

    Attributes:
        name: in its file.
        origin_mm: outer corner of the first pixel, shape (3,).
        fast, slow: axes, shape (3,).
        pixel_mm: edges of a pixel along fast and slow.
        pixels: (fast, slow).
        thickness_mm, attenuation_per_mm: of the sensor, or None.
        material: of the sensor, as in ``Si`` or ``CdTe``, or None.
        gain: counts (ADU) of one photon, or None.
        saturation_counts: the largest value that can be trusted, or None.
        bad: True where a pixel is to be ignored, shape (slow, fast); None: no pixel is.
        place: of its pixels in the files of images, or None.
    """

    name: str
    origin_mm: np.ndarray
    fast: np.ndarray
    slow: np.ndarray
    pixel_mm: tuple[float, float]
    pixels: tuple[int, int]
    thickness_mm: float | None = None
    attenuation_per_mm: float | None = None
    material: str | None = None
    gain: float | None = None
    saturation_counts: float | None = None
    bad: np.ndarray | None = None
    place: RecordedPlace | None = None

    @property
    def unit_axes(self) -> tuple[np.ndarray, np.ndarray]:
        """Fast and slow, of length 1, shape (3,) each."""
        return self.fast / np.linalg.norm(self.fast), self.slow / np.linalg.norm(self.slow)

    @property
    def size_mm(self) -> tuple[float, float]:
        """Lengths of the edges along fast and slow."""
        return self.pixels[0] * self.pixel_mm[0], self.pixels[1] * self.pixel_mm[1]

    @property
    def corners_mm(self) -> np.ndarray:
        """Outer corners: the first pixel's, those at the ends of fast and of slow, and the last one, shape (4, 3)."""
        (fast, slow), (width, height) = self.unit_axes, self.size_mm
        return self.origin_mm + np.array([np.zeros(3), width * fast, height * slow, width * fast + height * slow])

    @property
    def middle_mm(self) -> np.ndarray:
        """Its middle, shape (3,)."""
        return np.asarray(self.corners_mm.mean(axis=0))


@dataclass(frozen=True)
class RecordedGroup:
    """Panels that move together.

    Attributes:
        name: in its file.
        panels: their numbers, ascending.
    """

    name: str
    panels: tuple[int, ...]


@dataclass(frozen=True)
class RecordedScan:
    """A rotation series.

    Attributes:
        axis: of the rotation, right-handed, shape (3,).
        start_deg: spindle angle where the first image begins.
        width_deg: of each image.
        first, last: numbers of the images; ``last`` None where the file does not tell.
    """

    axis: np.ndarray
    start_deg: float
    width_deg: float
    first: int
    last: int | None = None

    def start_of(self, image: int) -> float:
        """Spindle angle in degrees where an image begins."""
        return self.start_deg + (image - self.first) * self.width_deg


@dataclass(frozen=True)
class RecordedExperiment:
    """Everything that one file says.

    Attributes:
        file: its name, with the choice.
        frame: its laboratory; None: that of the configuration which names the file.
        panels: of the detector, none where the file has no detector.
        groups: of panels, the largest first; each two share no panel, or one holds the other. All panels are no group,
            nor is a single one.
        image: the chosen image of the scan.
        remarks: what it says and is not taken, in sentences.
    """

    file: str
    frame: Frame | None
    crystal: RecordedCrystal | None = None
    beam: RecordedBeam = RecordedBeam()
    panels: tuple[RecordedPanel, ...] = ()
    scan: RecordedScan | None = None
    image: int | None = None
    remarks: tuple[str, ...] = ()
    groups: tuple[RecordedGroup, ...] = ()

    @property
    def beam_axis(self) -> np.ndarray | None:
        """Direction of the beam, or that of the program's frame."""
        if self.beam.direction is not None:
            return self.beam.direction
        return None if self.frame is None else self.frame.beam

    @property
    def spindle_axis(self) -> np.ndarray | None:
        """Axis of rotation, or that of the program's frame."""
        if self.scan is not None:
            return self.scan.axis
        return None if self.frame is None else self.frame.spindle


@dataclass(frozen=True)
class Choice:
    """What of a file is wanted.

    Attributes:
        crystal: the text after ``#``, or None.
        image: number of an image of the scan, or None for the first.
        distance_mm: mean distance of the panels, for a geometry that leaves it to the images.
    """

    crystal: str | None = None
    image: int | None = None
    distance_mm: float | None = None


@dataclass(frozen=True)
class Reader:
    """What reads one kind of file.

    Attributes:
        name: of the kind, in words.
        recognises: whether a file that begins with these bytes is of the kind.
        read: what a file of this name says; raises ``FileError``.
    """

    name: str
    recognises: Callable[[bytes], bool]
    read: Callable[[str, Choice], RecordedExperiment]
