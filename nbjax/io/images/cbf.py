"""CBF images of byte-offset compressed counts, as Pilatus and Eiger detectors and nbjax write them."""

from __future__ import annotations

import base64
import hashlib
import re

import numpy as np

from nbjax.errors import FileError
from nbjax.io.files import read_bytes
from nbjax.io.images.dectris import said_by
from nbjax.io.images.recorded import Recorded, Request, Stack

_BINARY = b"\x0c\x1a\x04\xd5"
_SECTION = "--CIF-BINARY-FORMAT-SECTION--"
_WORD = re.compile(r"^\s*([\w-]+)\s*[:=]\s*\"?([^\"\r\n]*)", re.MULTILINE)


def read(request: Request) -> Stack:
    """The image, with what a header in Dectris's words says.

    Raises:
        FileError: the file is cut short, damaged, or compressed in another way.
    """
    head, mark, rest = read_bytes(request.path).partition(_BINARY)
    words, _, section = head.decode("latin-1").partition(_SECTION)
    said = dict(_WORD.findall(section))
    try:
        size = int(said["X-Binary-Size"])
        slow, fast = (int(said[f"X-Binary-Size-{axis}-Dimension"]) for axis in ("Second", "Fastest"))
        sign, bits = said["X-Binary-Element-Type"].split(" ", 1)
        kind = np.dtype({"signed": "int", "unsigned": "uint"}[sign] + str(int(bits.removesuffix("-bit integer"))))
    except (KeyError, ValueError, TypeError):
        raise _damaged(request, "no description of its pixels") from None
    if said.get("conversions") != "x-CBF_BYTE_OFFSET":
        raise FileError(f"{request.name}: has pixels of {said.get('conversions')}; convert them to x-CBF_BYTE_OFFSET")
    packed = rest[:size]
    if not mark or len(packed) < size:
        raise _damaged(request, "cut short")
    if "Content-MD5" in said and said["Content-MD5"].strip() != _checksum(packed):
        raise _damaged(request, "its checksum differs")
    pixels = _unpacked(request, packed, (slow, fast), kind)
    record = Recorded(pixels, request.name, header={"_array_data.header_contents": words}, **said_by(words))
    return Stack(1, lambda index: record)


def _unpacked(request: Request, packed: bytes, shape: tuple[int, int], kind: np.dtype) -> np.ndarray:
    from fabio.compression import decByteOffset

    # a pixel takes at least one byte
    if not 0 < shape[0] * shape[1] <= len(packed):
        raise _damaged(request, "cut short")
    try:
        pixels = np.asarray(decByteOffset(packed, size=shape[0] * shape[1], dtype="int64"))
    except Exception as error:  # the decompression raises whatever damaged bytes provoke
        raise _damaged(request, f"{type(error).__name__}: {error}") from None
    limits = np.iinfo(kind)
    if len(pixels) != shape[0] * shape[1] or pixels.min() < limits.min or pixels.max() > limits.max:
        raise _damaged(request, "its pixels are not those of its header")
    return pixels.astype(kind).reshape(shape)


def _checksum(packed: bytes) -> str:
    return base64.b64encode(hashlib.md5(packed, usedforsecurity=False).digest()).decode()


def _damaged(request: Request, problem: str) -> FileError:
    return FileError(f"{request.name}: is a damaged CBF image ({problem}); copy it again")
