"""The registry of image formats: one line each."""

from __future__ import annotations

import bz2
import gzip
import lzma
import shutil
import tempfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool

from nbjax.errors import FileError
from nbjax.io.files import open_binary
from nbjax.io.images import arrays, bare, cbf, graymap, hdf5, smv, with_fabio
from nbjax.io.images.recorded import Reader, Recorded, Request, Stack, shown

_HEAD = 4096

_BYTES_A_PIXEL, _LARGEST_BYTES = 8, 16e9
"""A series of a detector may be larger than the memory; one image never is."""


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Attributes:
        name: what it is called.
        recognises: whether the first 4096 bytes are its own.
        suffixes: of its names, for files whose content does not tell.
        read: the images of a file.
    """

    name: str
    recognises: Callable[[bytes], bool]
    suffixes: tuple[str, ...]
    read: Reader


def begins(*starts: bytes) -> Callable[[bytes], bool]:
    """Whether a file begins with one of these."""
    return lambda head: head.startswith(starts)


FORMATS: tuple[Format, ...] = (
    Format("HDF5", begins(hdf5.SIGNATURE), (".h5", ".hdf5", ".nxs", ".cxi"), hdf5.read),
    Format("NumPy", begins(b"\x93NUMPY", b"PK\x03\x04"), (".npy", ".npz"), arrays.read),
    Format("SMV", smv.recognises, (), smv.read),
    Format("CBF", begins(b"###CBF"), (".cbf",), cbf.read),
    Format("Pilatus TIFF", begins(b"II*\0\x82\0"), (), with_fabio.reader("pilatusimage")),
    Format("MarCCD", with_fabio.is_marccd, (".mccd",), with_fabio.reader("marccdimage")),
    Format("TIFF", begins(b"II*\0", b"MM\0*"), (".tif", ".tiff"), with_fabio.reader("tifimage")),
    Format("R-AXIS", begins(b"R-AXIS"), (".osc",), with_fabio.reader("raxisimage")),
    Format("Bruker", begins(b"FORMAT :        86", b"FORMAT :86"), (".sfrm",), with_fabio.reader("brukerimage")),
    Format("Bruker 100", begins(b"FORMAT :100"), (), with_fabio.reader("bruker100image")),
    Format("Oxford Diffraction", begins(b"OD SAPPHIRE"), (), with_fabio.reader("oxdimage")),
    Format("Esperanto", begins(b"ESPERANTO FORMAT"), (".esperanto",), with_fabio.reader("esperantoimage")),
    Format("Fit2D mask", begins(b"M\0\0\0A\0\0\0S\0\0\0K\0\0\0"), (".msk",), with_fabio.reader("fit2dmaskimage")),
    Format("graymap", begins(b"P5"), (".pgm",), graymap.read),
    Format("EDF", with_fabio.is_edf, (".edf",), with_fabio.reader("edfimage")),
)
"""In the order in which they are tried: first the content of a file is asked, then its name."""


def is_known(head: bytes) -> bool:
    """Whether the first bytes of a file are those of an image, packed or not."""
    return any(kind.recognises(head) for kind in FORMATS) or head.startswith(tuple(_PACKED))


_PACKED: dict[bytes, Callable[..., Any]] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}


def open_images(
    path: str | Path, dataset: str | None = None, shape: tuple[int, int] | None = None, mask: bool = False
) -> Stack:
    """Images of a file, told apart by its content and then by its name; packed by gzip, bzip2 or xz or not.

    Args:
        path: the file.
        dataset: path of an HDF5 dataset or name of an array in .npz; else the file's default one.
        shape: (slow, fast) of a bare image of floats, which has no header.
        mask: the file's mask is wanted: an HDF5 file's ``pixel_mask`` goes before its images.

    Raises:
        FileError: it cannot be read, is of no known kind or damaged, or holds no image; a file that it links to is
            missing.
    """
    return open_with(Request(Path(path), str(path), dataset, shape, mask))


def open_with(request: Request) -> Stack:
    """As ``open_images``.

    Raises:
        FileError: likewise.
    """
    with open_binary(request.path) as handle:
        head = handle.read(_HEAD)
    if not head:
        raise FileError(f"{request.name}: is empty; copy or write it again")
    for start, unpack in _PACKED.items():
        if head.startswith(start):
            return _unpacked(request, unpack)
    return _opened(request, head)


def read_images(
    path: str | Path,
    dataset: str | None = None,
    images: Sequence[int] | None = None,
    shape: tuple[int, int] | None = None,
) -> list[Recorded]:
    """Images of a file.

    Args:
        path, dataset, shape: as for ``open_images``.
        images: numbers of those that are wanted, from 0; else all.

    Raises:
        FileError: as ``open_images``, there is no image of a number, or they do not fit into memory.
    """
    return chosen(path, open_images(path, dataset, shape), images)


def chosen(path: str | Path, stack: Stack, images: Sequence[int] | None) -> list[Recorded]:
    """Images of a stack by their numbers, or all.

    Raises:
        FileError: there is no image of a number, or they do not fit into memory.
    """
    for number in images or ():
        if not 0 <= number < len(stack):
            last = len(stack) - 1
            raise FileError(f"{path}: has no image {number}; its images are 0 to {last}" if last else _single(path))
    numbers = range(len(stack)) if images is None else images
    found = [stack[number] for number in numbers[:1]]
    if found and len(numbers) * found[0].stored.size * _BYTES_A_PIXEL > _LARGEST_BYTES:
        size = shown(found[0].shape)
        need = len(numbers) * found[0].stored.size * _BYTES_A_PIXEL / 1e9
        remedy = "choose some (data.images of a fit, images in Python)"
        raise FileError(f"{path}: its {len(numbers)} images of {size} pixels take {need:.0f} GB of memory; {remedy}")
    return found + [stack[number] for number in numbers[1:]]


def read_mask(
    path: str | Path, dataset: str | None = None, shape: tuple[int, int] | None = None
) -> Bool[np.ndarray, "slow fast"]:
    """Where pixels may be used, by a mask of any of the formats.

    0 is a bad pixel and anything else a good one, except in the formats that mark bad pixels: a dataset named
    ``pixel_mask`` (NXmx) and Fit2D masks, where 0 is good.

    Raises:
        FileError: as ``open_images``, the file holds several images, or leaves no pixel.
    """
    return mask_image(path, dataset, shape).usable()


def mask_image(path: str | Path, dataset: str | None = None, shape: tuple[int, int] | None = None) -> Recorded:
    """The image of a mask, with what its header says; checked as in ``read_mask``."""
    stack = open_images(path, dataset, shape, mask=True)
    if len(stack) > 1:
        raise FileError(f"{path}: holds {len(stack)} images; a mask is one image, give a file or dataset of one")
    found = stack[0]
    if not found.usable().any():
        rule = "0 is a good pixel here" if found.marks_bad else "0 is a bad pixel here, and any other number a good one"
        raise FileError(f"{path}: leaves no pixel to use; {rule}")
    return found


def mask_images(path: str | Path) -> Bool[np.ndarray, "images slow fast"]:
    """Where pixels may be used, by a mask of one image for each panel, or of one with all panels below each other.

    Raises:
        FileError: as ``read_images``.
    """
    stack = open_images(path, mask=True)
    return np.stack([stack[number].usable() for number in range(len(stack))])


def _single(path: str | Path) -> str:
    return f"{path}: has a single image, number 0"


def _opened(request: Request, head: bytes) -> Stack:
    suffix = request.path.suffix.lower()
    format_ = next((kind for kind in FORMATS if kind.recognises(head)), None)
    if format_ is None and bare.fits(request):
        return bare.read(request)
    format_ = format_ or next((kind for kind in FORMATS if suffix in kind.suffixes), None)
    if format_ is None:
        kinds = ", ".join(kind.name for kind in FORMATS)
        raise FileError(f"{request.name}: is no image of a known kind ({kinds}){bare.why_not(request)}")
    return format_.read(request)


def _unpacked(request: Request, unpack: Callable[..., Any]) -> Stack:
    """The images of a packed file, all at once: what it was unpacked to does not stay."""
    with tempfile.TemporaryDirectory(prefix="nbjax-") as folder:
        name = Path(request.name)
        place = Path(folder) / (name.stem if name.suffix.lower() in (".gz", ".bz2", ".xz") else name.name)
        try:
            with unpack(request.path, "rb") as source, open(place, "wb") as target:
                shutil.copyfileobj(source, target)
        except (EOFError, OSError, zlib.error, lzma.LZMAError) as error:
            raise FileError(f"{request.name}: cannot be unpacked ({error}); copy it again") from None
        with open(place, "rb") as handle:
            head = handle.read(_HEAD)
        if not head:
            raise FileError(f"{request.name}: is empty once it is unpacked; copy or write it again")
        images = list(_opened(replace(request, path=place), head))
    return Stack(len(images), images.__getitem__)
