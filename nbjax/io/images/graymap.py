"""Portable graymaps, with the scale that nbjax and the C program write into their comment."""

from __future__ import annotations

import re

import numpy as np

from nbjax.errors import FileError
from nbjax.io.files import read_bytes
from nbjax.io.images.recorded import Recorded, Request, Stack

_GAP = rb"(?:\s|#[^\n]*\n)+"
_HEADER = re.compile(rb"P5" + _GAP + rb"(\d+)" + _GAP + rb"(\d+)" + _GAP + rb"(\d+)(?:[ \t\r]*\n|\s)")
_SCALE = re.compile(rb"# pixels scaled by (\S+)")


def read(request: Request) -> Stack:
    """The image; what is too bright is 255, or 65535 in 16 bits, and so without a value.

    Raises:
        FileError: the file is damaged.
    """
    content = read_bytes(request.path)
    header = _HEADER.match(content)
    if header is None:
        raise FileError(f"{request.name}: is a graymap without width, height and largest value; write it again")
    fast, slow, largest = (int(number) for number in header.groups())
    kind = np.dtype("u1" if largest < 256 else ">u2")
    pixels = content[header.end() :]
    if 0 in (slow, fast) or len(pixels) < kind.itemsize * slow * fast:
        raise FileError(
            f"{request.name}: is cut short: {fast} x {slow} pixels need {kind.itemsize * slow * fast} bytes, it has "
            f"{len(pixels)}; copy it again"
        )
    found = np.frombuffer(pixels, kind, slow * fast).reshape(slow, fast).astype(kind.newbyteorder("="))
    said = _SCALE.search(header[0])
    scale = float(said[1]) if said else 1.0
    record = Recorded(found, request.name, photons_per_count=1.0 / scale if scale > 0 else 1.0)
    return Stack(1, lambda index: record)
