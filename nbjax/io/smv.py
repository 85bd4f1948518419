"""SMV images, of ADSC's and d*TREK's kinds: a text header, and pixels of the type that it names."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nbjax.errors import FileError
from nbjax.io.files import atomic_writer, read_bytes

_BLOCK = 512


_TYPES = {
    "unsigned_short": "u2",
    "unsigned_short_int": "u2",
    "signed_short": "i2",
    "short": "i2",
    "short_int": "i2",
    "unsigned_long": "u4",
    "unsigned_long_int": "u4",
    "unsigned_int": "u4",
    "signed_long": "i4",
    "long": "i4",
    "long_int": "i4",
    "int": "i4",
    "float": "f4",
    "float_ieee": "f4",
    "unsigned_char": "u1",
    "signed_char": "i1",
}
"""Pixels by the words of TYPE (ADSC) and Data_type (d*TREK)."""


@dataclass(frozen=True)
class SmvImage:
    """An image as read.

    Attributes:
        header: key -> value; the last one of a repeated key.
        pixels: numbers of the header's type, shape (slow, fast), or (images, slow, fast) under DIM=3.
    """

    header: dict[str, str]
    pixels: np.ndarray


def read_smv(path: str | Path, name: str | None = None) -> SmvImage:
    """Read an image of ADSC's or of d*TREK's kind.

    Args:
        path: of the file.
        name: the file as the user calls it.

    Raises:
        FileError: not SMV, without its size, with pixels of another type, or cut short.
    """
    name = name or str(path)
    content = read_bytes(path)
    size = re.search(rb"\bHEADER_BYTES\s*=\s*(\d+)", content[:4096])
    if not content.lstrip().startswith(b"{") or size is None:
        raise FileError(f"{name}: does not look like an SMV image (no {{ and HEADER_BYTES=); give an ADSC .img file")
    header_bytes = int(size[1])
    header = _words(content[:header_bytes].decode("latin-1"))
    kind = _pixel_type(name, header)
    shape = _shape(name, header)
    needed = kind.itemsize * math.prod(shape)
    data = content[header_bytes:]
    if len(data) < needed:
        sizes = " x ".join(str(n) for n in shape[::-1])
        raise FileError(
            f"{name}: is cut short: {sizes} pixels need {needed} bytes after the header of {header_bytes}, it has "
            f"{len(data)}; copy it again"
        )
    if not {"TYPE", "Data_type"} & set(header) and len(data) >= 2 * needed:
        raise FileError(f"{name}: has more than 16 bits a pixel and does not say their type; add TYPE or Data_type")
    pixels = np.frombuffer(data[:needed], kind).reshape(shape).astype(kind.newbyteorder("="))
    if header.get("RAXIS_COMPRESSION_RATIO", "1") not in ("1", "0") and kind.itemsize == 2 and (pixels >> 15).any():
        ratio = header["RAXIS_COMPRESSION_RATIO"]
        raise FileError(f"{name}: has pixels packed by RAXIS_COMPRESSION_RATIO={ratio}; convert it to long int")
    return SmvImage(header, pixels)


def _words(text: str) -> dict[str, str]:
    """Words of a header up to the brace that closes it; braces within values may be nested."""
    depth, end = 0, len(text)
    for brace in re.finditer(r"[{}]", text):
        depth += 1 if brace[0] == "{" else -1
        if depth == 0:
            end = brace.start()
            break
    else:
        # braces that do not pair: the last line that begins with one closes the header
        closing = list(re.finditer(r"^\s*}", text, re.MULTILINE))
        end = closing[-1].start() if closing else end
    return {key: value.strip() for key, value in re.findall(r"(\w+)[ \t]*=([^;\n]*)", text[:end])}


def _pixel_type(name: str, header: dict[str, str]) -> np.dtype:
    key = next((key for key in ("Data_type", "TYPE") if key in header), None)
    said = "unsigned_short" if key is None else header[key]
    found = _TYPES.get("_".join(said.lower().replace("_", " ").split()))
    if found is None:
        raise FileError(f"{name}: has pixels of {key}={said}; convert it to unsigned_short, long int or float IEEE")
    order = header.get("BYTE_ORDER", "little_endian").lower()
    if not order.startswith(("big", "little")):
        raise FileError(f"{name}: has BYTE_ORDER={order}; write little_endian or big_endian")
    return np.dtype(found).newbyteorder(">" if order.startswith("big") else "<")


def _shape(name: str, header: dict[str, str]) -> tuple[int, ...]:
    keys = ("SIZE3", "SIZE2", "SIZE1") if header.get("DIM") == "3" else ("SIZE2", "SIZE1")
    try:
        shape = tuple(int(header[key]) for key in keys)
    except (KeyError, ValueError):
        raise FileError(f"{name}: its header lacks whole numbers {' and '.join(keys[::-1])}; add them") from None
    if min(shape) < 1:
        raise FileError(f"{name}: has {' x '.join(str(n) for n in shape[::-1])} pixels; correct its header")
    return shape


def header_number(header: Mapping[str, str], key: str, name: str = "SMV header") -> float | None:
    """A number of the header, None where the key is missing.

    Args:
        header: words by their keys.
        key: of the number.
        name: of the file.

    Raises:
        FileError: the value is not a finite number.
    """
    if key not in header:
        return None
    try:
        number = float(header[key])
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise FileError(f"{name}: {key}={header[key]} is not a number; correct or remove it")
    return number


def write_smv(
    path: str | Path, pixels: np.ndarray, fields: Sequence[tuple[str, str]], reference_overflow: bool = False
) -> None:
    """Write pixels (slow, fast) as unsigned 16-bit integers behind a header.

    Args:
        path: file to write.
        pixels: uint16, shape (slow, fast).
        fields: further header words, in order.
        reference_overflow: the C program's header: always 512 bytes by its own word, however long the text, and no
            semicolon after DIALS_ORIGIN.

    Raises:
        FileError: it cannot be written.
    """
    size = _BLOCK
    text = _header_text(pixels.shape, fields, size, reference_overflow)
    while len(text) > size and not reference_overflow:
        size += _BLOCK
        text = _header_text(pixels.shape, fields, size, reference_overflow)
    with atomic_writer(path) as handle:
        handle.write(text.ljust(size))
        handle.write(np.ascontiguousarray(pixels, "<u2").tobytes())


def header_overflows(shape: tuple[int, int], fields: Sequence[tuple[str, str]]) -> bool:
    """Whether the header is longer than the C program's 512 bytes."""
    return len(_header_text(shape, fields, _BLOCK, True)) > _BLOCK


def _header_text(shape: tuple[int, ...], fields: Sequence[tuple[str, str]], size: int, reference: bool) -> bytes:
    words = [
        ("HEADER_BYTES", str(size)),
        ("DIM", "2"),
        ("BYTE_ORDER", "little_endian"),
        ("TYPE", "unsigned_short"),
        ("SIZE1", str(shape[1])),
        ("SIZE2", str(shape[0])),
        *fields,
    ]
    ends = ("" if reference and key == "DIALS_ORIGIN" else ";" for key, _ in words)
    lines = (f"{key}={value}{end}\n" for (key, value), end in zip(words, ends, strict=True))
    return ("{\n" + "".join(lines) + "}\f").encode()
