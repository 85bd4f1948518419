"""Formats that fabio reads."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from nbjax.errors import FileError
from nbjax.io.images.dectris import said_by
from nbjax.io.images.recorded import Reader, Recorded, Request, Stack, shown

_MARCCD_HEADER, _MARCCD_MARK = 1024 + 28, b"MMX\0"


def is_marccd(head: bytes) -> bool:
    """Whether a TIFF has the second header of a MarCCD or Rayonix detector."""
    return head.startswith(b"II*\0") and head[_MARCCD_HEADER : _MARCCD_HEADER + 4] == _MARCCD_MARK


def is_edf(head: bytes) -> bool:
    """Whether a header in braces is one of the ESRF's; JSON begins with a brace too."""
    return head.lstrip().startswith(b"{") and any(word in head for word in (b"EDF_", b"HeaderID", b"ByteOrder"))


def reader(kind: str) -> Reader:
    """A reader of files of one of fabio's classes, by its name in small letters."""

    def read(request: Request) -> Stack:
        with _explained(request, kind):
            image = _open(kind, request)
            count = max(1, int(image.nframes))
            first = _recorded(request, kind, image, 0)
        if count == 1:
            return Stack(1, lambda index: first)
        return Stack(count, lambda index: _frame(request, kind, index))

    return read


def _frame(request: Request, kind: str, index: int) -> Recorded:
    with _explained(request, kind):
        image = _open(kind, request)
        return _recorded(request, kind, image.getframe(index) if index else image, index)


def _open(kind: str, request: Request) -> Any:
    from fabio.fabioformats import get_class_by_name

    return get_class_by_name(kind)().read(str(request.path))


def _recorded(request: Request, kind: str, image: Any, index: int) -> Recorded:
    pixels = np.asarray(image.data)
    if not pixels.shape:
        raise ValueError("no pixels")
    if pixels.ndim != 2 or pixels.dtype.kind not in "fiu" or not pixels.size:
        raise FileError(
            f"{request.name}: holds {pixels.dtype} of shape {shown(pixels.shape)}; give grey images (slow, fast)"
        )
    header = {str(key): str(value) for key, value in (image.header or {}).items()}
    said = said_by("\n".join(f"{key} {value}" for key, value in header.items())) if kind == "pilatusimage" else {}
    return Recorded(pixels, request.name, index=index, header=header, marks_bad=kind == "fit2dmaskimage", **said)


@contextmanager
def _explained(request: Request, kind: str) -> Iterator[None]:
    """Turn whatever a damaged file provokes, and what fabio only logs as an error, into one sentence."""
    said: list[str] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("fabio")
    propagates, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield
    except FileError:
        raise
    except Exception as error:
        said.append(f"{type(error).__name__}: {error}")
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagates
    if said:
        what = kind.removesuffix("image").upper()
        raise FileError(f"{request.name}: is a damaged {what} image ({said[-1].splitlines()[0]}); copy it again")
