"""What the commands that look at images share: their options, the configuration beside them, and its spots."""

from __future__ import annotations

import argparse
import os
import re
from typing import TYPE_CHECKING, Any

from nbjax.errors import FileError, UsageError

if TYPE_CHECKING:
    import numpy as np

    from nbjax.plot import Camera, Marks, Scale, Wanted
    from nbjax.resolve import Resolved

_COURSES = ("auto", "log", "sqrt", "linear")
_LEAST, _MOST = 1e-100, 1e100
"""Sizes of numbers that a scale can reach from and to."""
_COLOURS = ("grey", "cividis", "viridis", "magma", "inferno")


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of every command that looks at images."""
    parser.add_argument("--image", type=int, default=0, metavar="N", help="number of the image, from 0 (or FILE#N)")
    parser.add_argument("--dataset", metavar="PATH", help="path of an HDF5 dataset, or name of an array in .npz")
    parser.add_argument("--shape", metavar="SLOWxFAST", help="pixels of a bare image of floats")
    parser.add_argument("--pedestal", type=float, metavar="COUNTS", help="what was added to each pixel")
    parser.add_argument("--config", metavar="CONFIG.toml", help="configuration that tells geometry and spots")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override one of its keys")
    parser.add_argument("--scale", choices=_COURSES, default="auto", help="course of the colours (default: auto)")
    parser.add_argument("--low", type=float, metavar="X", help="number that is white (default: a percentile)")
    parser.add_argument("--high", type=float, metavar="X", help="number that is black (default: a percentile)")
    parser.add_argument("--colours", choices=_COLOURS, default="grey", help="colour map (default: grey)")
    parser.add_argument("--dpi", type=float, default=150.0, metavar="N", help="dots per inch (default: 150)")


def check_options(arguments: argparse.Namespace) -> None:
    """Refuse numbers that no picture can have.

    Raises:
        UsageError: one of them.
    """
    if arguments.image < 0:
        raise UsageError(f"--image {arguments.image}: is no number of an image; give one from 0")
    if not 20 <= arguments.dpi <= 1200:
        raise UsageError(f"--dpi {arguments.dpi:g}: is out of range; give 20 to 1200")
    low, high = arguments.low, arguments.high
    for name, value in (("--low", low), ("--high", high), ("--pedestal", arguments.pedestal)):
        if value is not None and not abs(value) < float("inf"):
            raise UsageError(f"{name} {value}: is not finite; give a number")
        if value and not _LEAST < abs(value) < _MOST:
            raise UsageError(f"{name} {value:g}: is out of range; give 0, or {_LEAST:g} to {_MOST:g} or its negative")
    if low is not None and high is not None and not low < high:
        raise UsageError(f"--low {low:g}: is not below --high {high:g}; exchange them")
    if arguments.scale == "log" and low is not None and low <= 0:
        raise UsageError(f"--low {low:g}: has no logarithm; give a number above 0, or --scale sqrt")
    if arguments.scale == "log" and high is not None and high <= 0:
        raise UsageError(f"--high {high:g}: has no logarithm; give a number above 0, or --scale linear")
    if arguments.set and arguments.config is None:
        raise UsageError("--set: changes a configuration, and there is none; give --config CONFIG.toml")


def check_outputs(out: str, files: list[str]) -> None:
    """Make sure that a picture can be written and is none of the files that are read.

    Raises:
        UsageError: it is one of them, or of no kind that is known.
        FileError: it cannot be written.
    """
    from nbjax.io.files import check_writable

    if not out.lower().endswith((".png", ".pdf")):
        raise UsageError(f"--out {out}: is no name of a picture; give one that ends in .png or .pdf")
    check_apart("--out", out, files)
    check_writable(out)


def check_apart(option: str, name: str, files: list[str]) -> None:
    """Make sure that a file that is written is none of some others.

    Args:
        option: that names it.
        name: of the file.
        files: the others, as they are named on the command line.

    Raises:
        UsageError: it is one of them.
    """
    others = [path for file in files for path in (file, file.rpartition("#")[0]) if path]
    if os.path.realpath(name) in map(os.path.realpath, others):
        raise UsageError(f"{option} {name}: is also the name of another file of this command; give another name")


def scale_of(arguments: argparse.Namespace) -> Scale:
    """The scale that is asked for."""
    from nbjax.plot import Scale

    return Scale(arguments.scale, arguments.low, arguments.high)


def wanted_of(arguments: argparse.Namespace, **more: Any) -> Wanted:
    """The image that is asked for."""
    from nbjax.plot import Wanted

    return Wanted(arguments.image, arguments.dataset, pedestal_counts=arguments.pedestal, **more)


def resolved_of(arguments: argparse.Namespace) -> Resolved | None:
    """The configuration beside the images, or None.

    Raises:
        NbjaxError: a fault of it.
    """
    if arguments.config is None:
        return None
    from nbjax.cli.configured import load_configured
    from nbjax.resolve import resolve

    arguments.parity = arguments.precision = None
    return resolve(*load_configured(arguments))


def camera_of(arguments: argparse.Namespace, resolved: Resolved | None) -> Camera:
    """What is known of the detector beside the files.

    Raises:
        UsageError: --shape is none.
    """
    from nbjax.plot import Camera

    shape = None
    if arguments.shape is not None:
        found = re.fullmatch(r"([1-9]\d{0,5})[x,]([1-9]\d{0,5})", arguments.shape)
        if found is None:
            raise UsageError(f"--shape {arguments.shape}: is no size; give pixels along slow and fast, as 1024x2048")
        shape = int(found[1]), int(found[2])
    if resolved is None:
        return Camera(shape=shape)
    from nbjax.preparation.picture import layout_of

    detector = resolved.detector
    return Camera(layout_of(resolved), tuple(detector.panels), shape or (detector.pixels_slow, detector.pixels_fast))


def marks_of_config(resolved: Resolved) -> Marks:
    """The predicted spots of all crystals."""
    import jax
    import numpy as np

    from nbjax.pipeline.spots.prediction import predict
    from nbjax.plot import marks_of
    from nbjax.preparation import prepare_resolved

    with jax.enable_x64(True):
        experiment = prepare_resolved(resolved, counted=False)
        crystals = range(len(experiment.crystals))
        return marks_of([jax.tree.map(np.asarray, predict(experiment, number)) for number in crystals])


def write_annotated(path: str, resolved: Resolved, image: np.ndarray, spots: bool = False) -> None:
    """Write the PNG of a simulated image with axes, colour bar, rings and beam centre.

    Args:
        path: of the file.
        resolved: the configuration.
        image: photons or counts of them, of the shape of ``simulate``.
        spots: whether predicted spots are outlined.

    Raises:
        FileError: it cannot be written.
    """
    from nbjax.plot import Choices, Exposure, page, save
    from nbjax.preparation.picture import layout_of

    marks = marks_of_config(resolved) if spots else None
    exposure = Exposure(os.path.basename(path), image.astype(float), "photons", layout=layout_of(resolved))
    save(page([exposure], Choices(marks=marks)), path, kind="png")


def check_images(files: list[str]) -> None:
    """Refuse configurations, which are no images.

    Raises:
        FileError: a file is one.
    """
    for file in files:
        if file.lower().endswith(".toml"):
            raise FileError(f"{file}: is a configuration, no image; nbjax simulate renders it, and --config names it")
