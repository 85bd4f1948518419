"""SMV (ADSC) images: a text header and unsigned 16-bit pixels."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nbjax.errors import FileError
from nbjax.io.files import atomic_writer, read_bytes

_BLOCK = 512


@dataclass(frozen=True)
class SmvImage:
    """An image as read.

    Attributes:
        header: key -> value; the last one of a repeated key.
        pixels: uint16, shape (slow, fast).
    """

    header: dict[str, str]
    pixels: np.ndarray


def read_smv(path: str | Path) -> SmvImage:
    """Read an image.

    Raises:
        FileError: not SMV, without its size, with other than 16-bit pixels, or cut short.
    """
    content = read_bytes(path)
    start = content[:4096].decode("latin-1")
    size = re.search(r"HEADER_BYTES\s*=\s*(\d+)", start)
    if not start.startswith("{") or size is None:
        raise FileError(f"{path}: does not look like an SMV image (no {{ and HEADER_BYTES=); give an ADSC .img file")
    header_bytes = int(size[1])
    text = content[:header_bytes].decode("latin-1").split("}")[0]
    header = {key: value.strip() for key, value in re.findall(r"(\w+)[ \t]*=([^;\n]*)", text)}
    try:
        width, height = int(header["SIZE1"]), int(header["SIZE2"])
    except (KeyError, ValueError):
        raise FileError(f"{path}: its header lacks whole numbers SIZE1 and SIZE2; add them") from None
    if "short" not in header.get("TYPE", "unsigned_short"):
        raise FileError(f"{path}: has pixels of TYPE={header['TYPE']}; convert it to unsigned_short")
    order = ">" if header.get("BYTE_ORDER", "").startswith("big") else "<"
    data = content[header_bytes : header_bytes + 2 * width * height]
    if width < 1 or height < 1 or len(data) < 2 * width * height:
        raise FileError(
            f"{path}: is cut short: {width} x {height} pixels need {2 * width * height} bytes after the header of "
            f"{header_bytes}, it has {len(data)}; copy it again"
        )
    return SmvImage(header, np.frombuffer(data, f"{order}u2").reshape(height, width).astype(np.uint16))


def header_number(header: dict[str, str], key: str) -> float | None:
    """A number of the header, None where the key is missing.

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
        raise FileError(f"SMV header: {key}={header[key]} is not a number; correct or remove it")
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
