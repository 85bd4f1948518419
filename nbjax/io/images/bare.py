"""Bare images: 4-byte or 8-byte little-endian floats, row by row, without a header."""

from __future__ import annotations

import numpy as np

from nbjax.io.images.recorded import Recorded, Request, Stack

_TYPES = ("<f4", "<f8")


def fits(request: Request) -> bool:
    """Whether a file has the size of an image of the wanted shape, and is no text."""
    return _type(request) is not None and b"\0" in request.path.read_bytes()[:4096]


def why_not(request: Request) -> str:
    """What a message may add where a bare image was possible."""
    if request.shape is None:
        return "; a bare image of floats does not say its size, and cannot be read here"
    slow, fast = request.shape
    size = request.path.stat().st_size
    return f"; it has {size} bytes, {slow} x {fast} (slow x fast) float pixels need {4 * slow * fast}"


def read(request: Request) -> Stack:
    """The image of photons."""
    kind = _type(request)
    assert request.shape is not None
    pixels = np.fromfile(request.path, kind).reshape(request.shape)
    return Stack(1, lambda index: Recorded(pixels, request.name, unit="photons"))


def _type(request: Request) -> str | None:
    if request.shape is None:
        return None
    size, pixels = request.path.stat().st_size, request.shape[0] * request.shape[1]
    return next((kind for kind in _TYPES if size == np.dtype(kind).itemsize * pixels), None)
