"""Crystals, beams, detectors and scans from the files of processing programs, known by their content.

Each format is a module with a ``READER``, and one entry of ``READERS`` makes it known. No program is needed to read its
files.
"""

from __future__ import annotations

import os
import re

from nbjax.errors import FileError
from nbjax.io.experiments import (
    crystfel_cell,
    crystfel_geom,
    crystfel_stream,
    dials_expt,
    nexus_mx,
    plain_matrix,
    pyfai_poni,
    xds_inp,
    xds_xparm,
)
from nbjax.io.experiments.checks import check
from nbjax.io.experiments.recorded import Choice, Reader, RecordedExperiment
from nbjax.io.files import open_binary
from nbjax.io.foreign import content_in

READERS: tuple[Reader, ...] = (
    dials_expt.READER,
    crystfel_stream.READER,
    crystfel_cell.READER,
    xds_xparm.READER,
    crystfel_geom.READER,
    xds_inp.READER,
    nexus_mx.READER,
    pyfai_poni.READER,
    plain_matrix.READER,
)
"""The first that recognises a file reads it."""

_LOOKED_AT_BYTES = 1 << 16
_CHOICE = re.compile(r"(?s)(.+)#([^#/]*)")


def split_choice(name: str) -> tuple[str, str | None]:
    """The file and what follows ``#``; a file whose own name has a ``#`` is taken as it is."""
    match = _CHOICE.fullmatch(name)
    if match is None or os.path.exists(name):
        return name, None
    return match[1], match[2]


def is_experiment(name: str) -> bool:
    """Whether a file is of a kind that ``read_experiment`` takes.

    Raises:
        FileError: it cannot be read.
    """
    return _reader(_start(split_choice(name)[0])) is not None


def read_experiment(name: str, image: int | None = None, distance_mm: float | None = None) -> RecordedExperiment:
    """What a file says of an experiment.

    Args:
        name: of the file; ``#`` and a choice after it pick one of several crystals.
        image: number of an image of the scan; None: the first.
        distance_mm: mean distance of the panels, for a geometry that leaves it to the images.

    Raises:
        FileError: it cannot be read, is of no known kind or damaged, or holds what cannot be.
    """
    path, chosen = split_choice(name)
    start = _start(path)
    reader = _reader(start)
    if reader is None:
        kinds = ", ".join(each.name for each in READERS)
        known = content_in(start)
        what = "is of no known kind" if known is None else f"is {known[0]}"
        raise FileError(f"{path}: {what}, and tells of no orientation; give {kinds}")
    return check(reader.read(path, Choice(chosen, image, distance_mm)))


def _start(path: str) -> bytes:
    with open_binary(path) as handle:
        return handle.read(_LOOKED_AT_BYTES)


def _reader(start: bytes) -> Reader | None:
    return next((reader for reader in READERS if reader.recognises(start)), None)
