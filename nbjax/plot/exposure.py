"""Images of files as figures and comparisons take them: numbers, their unit, and where the pixels stand."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from jaxtyping import Float

from nbjax.config.tree import Config
from nbjax.errors import FileError, UsageError
from nbjax.geometry.layout import Layout, recorded_layout
from nbjax.io.experiments import split_choice
from nbjax.io.experiments.recorded import RecordedPanel
from nbjax.io.files import open_binary
from nbjax.io.images import Recorded, panel_images, read_images
from nbjax.io.images.formats import is_known
from nbjax.io.images.geometry import told_geometry, told_panels
from nbjax.io.images.recorded import other_size
from nbjax.preparation.picture import layout_of as resolved_layout
from nbjax.resolve import resolve

Unit = Literal["counts", "photons"]
_LEAST, _MOST = 1e-100, 1e100
"""Sizes of numbers that are drawn and compared."""


@dataclass(frozen=True)
class Camera:
    """What is known of the detector beside the files of images.

    Attributes:
        layout: where its pixels stand, or None: as the files tell.
        panels: those of a geometry, where there are several.
        shape: (slow, fast) of bare images.
    """

    layout: Layout | None = None
    panels: tuple[RecordedPanel, ...] = ()
    shape: tuple[int, int] | None = None


def layout_of(config: Config) -> Layout:
    """Where the pixels of a configuration's image stand.

    Args:
        config: the configuration.

    Raises:
        ConfigError: it has a fault.
    """
    return resolved_layout(resolve(config, {}))


@dataclass(frozen=True)
class Wanted:
    """Which image of a file, and how its numbers are meant.

    Attributes:
        image: its number from 0, where the name of the file does not say one after ``#``.
        dataset: path of an HDF5 dataset or name of an array in .npz.
        unit: "counts" as stored, or "photons" without pedestal and gain; None: photons where the file tells them.
        pedestal_counts: replaces the file's.
        overloads: whether overloaded pixels keep what they have, as a picture wants it.
    """

    image: int = 0
    dataset: str | None = None
    unit: Unit | None = None
    pedestal_counts: float | None = None
    overloads: bool = True


@dataclass(frozen=True)
class Exposure:
    """One image.

    Attributes:
        name: what it is called in figures and messages.
        values: numbers of each pixel, NaN where it has none, shape (slow, fast) or (panel, slow, fast).
        unit: of the numbers.
        counted: whether they were counted, so that their variance is as large as they are; else they are expected.
        layout: where the pixels stand, or None.
        remarks: what is doubtful, in sentences.
    """

    name: str
    values: Float[np.ndarray, "..."]
    unit: Unit
    counted: bool = False
    layout: Layout | None = None
    remarks: tuple[str, ...] = field(default=())


def read_exposure(name: str, camera: Camera | None = None, wanted: Wanted | None = None) -> Exposure:
    """One image of a file of any kind that is known.

    Args:
        name: of the file; ``#`` and a number after it choose an image.
        camera: what is known of the detector.
        wanted: which image, in which unit.

    Raises:
        UsageError: the number after ``#`` is none.
        FileError: the file cannot be read, has no such image, or one of another size than the camera.
    """
    camera, wanted = camera or Camera(), wanted or Wanted()
    path, choice = split_choice(name)
    if choice is not None and not (choice.isascii() and choice.isdigit()):
        raise UsageError(f"{name}: #{choice} is no number of an image; give one from 0")
    number = wanted.image if choice is None else int(choice)
    recorded = _read(path, camera, wanted.dataset, number)
    layout = camera.layout or _told(recorded)
    unit, values = _numbers(recorded, wanted)
    values = _drawable(path, values)
    shown = f"{path}, image {number}" if choice is not None or number else path
    counted = recorded.stored.dtype.kind in "iu"
    remarks = (f"{path}: {recorded.pedestal_doubt}",) if recorded.pedestal_doubt and unit == "photons" else ()
    if camera.layout is not None and values.shape != camera.layout.shape:
        problem = other_size(values.shape, camera.layout.shape, camera.layout.source)
        raise FileError(f"{path}: {problem}; give the configuration of this image")
    if layout is not None and values.shape != layout.shape:
        remarks = (*remarks, f"{path}: {layout.source} is of another detector, and its geometry is not used")
        layout = None
    return Exposure(shown, values, unit, counted, layout, remarks)


def read_pair(first: str, second: str, camera: Camera, wanted: Wanted) -> tuple[Exposure, Exposure]:
    """Two images as by ``read_exposure``; a bare one whose size is not told is as large as the other.

    Args:
        first, second: names of the files.
        camera, wanted: as for ``read_exposure``, of both.

    Raises:
        UsageError, FileError: as ``read_exposure``.
    """
    for one, other in ((first, second), (second, first)):
        if camera.shape is None and _is_bare(one) and not _is_bare(other):
            size = read_exposure(other, camera, wanted).values.shape
            camera = replace(camera, shape=(size[0], size[1])) if len(size) == 2 else camera
    return read_exposure(first, camera, wanted), read_exposure(second, camera, wanted)


def _is_bare(name: str) -> bool:
    with open_binary(split_choice(name)[0]) as handle:
        return not is_known(handle.read(4096))


def _read(path: str, camera: Camera, dataset: str | None, number: int) -> Recorded:
    """The image; of a file that tells of several panels by panels."""
    panels = camera.panels or told_panels(path)
    if len(panels) > 1:
        return panel_images(path, panels, dataset, [number])[0]
    try:
        return read_images(path, dataset, [number], camera.shape)[0]
    except FileError as error:
        if "does not say its size" in str(error):
            raise FileError(f"{error}; give --shape SLOWxFAST or --config CONFIG.toml") from None
        raise


def _told(recorded: Recorded) -> Layout | None:
    told = told_geometry(recorded)
    return None if told is None else recorded_layout(told, f"the header of {recorded.file}")


def _drawable(path: str, values: np.ndarray) -> np.ndarray:
    """The numbers without those that are as good as zero, in whose ratios there are no digits left.

    Raises:
        FileError: some are so large that their squares are infinite.
    """
    sizes = np.abs(values)
    largest = float(np.fmax.reduce(sizes, axis=None, initial=0.0))
    if largest > _MOST:
        raise FileError(f"{path}: has pixels of {largest:g}, more than {_MOST:g}; divide them by their scale")
    tiny = (sizes < _LEAST) & (sizes > 0)
    return np.where(tiny, 0.0, values) if tiny.any() else values


def _numbers(recorded: Recorded, wanted: Wanted) -> tuple[Unit, np.ndarray]:
    unit = wanted.unit
    if unit is None:
        told = recorded.unit == "photons" or recorded.photons_per_count != 1 or recorded.stored.dtype.kind == "f"
        unit = "photons" if told or wanted.pedestal_counts is not None else "counts"
    # no number of any kind is as large as infinity
    saturation = np.inf if wanted.overloads else None
    if unit == "photons":
        return unit, recorded.photons(wanted.pedestal_counts, saturation)
    return unit, np.where(recorded.overloaded(saturation), np.nan, recorded.counts)
