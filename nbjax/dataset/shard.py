"""Shards: files of consecutive images with their truth, each complete and checked, or absent."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import hdf5plugin
import numpy as np

from nbjax.dataset.nodes import put, set_attributes
from nbjax.dataset.nxmx import Instrument, Series, write_tree
from nbjax.dataset.sink import Sink
from nbjax.errors import FileError
from nbjax.io.files import atomic_writer

FORMAT = {"libver": ("earliest", "v110")}
"""No newer than what HDF5 1.10 reads."""


@dataclass(frozen=True)
class Field:
    """A value that is stored for every image.

    Attributes:
        values: those of one image.
        units: of the field; empty for none.
        meaning: one clause.
    """

    values: np.ndarray
    units: str = ""
    meaning: str = ""


@dataclass(frozen=True)
class Frame:
    """One image as it is stored.

    Attributes:
        number: of the image.
        pixels: shape (slow, fast), or (panel, slow, fast).
        truth: name -> value of small fields.
        maps: name -> images of labels, of the shape of the pixels, or with one more axis.
        spots: name -> column of the table of spots, shape (spots,) or (spots, k); empty without.
    """

    number: int
    pixels: np.ndarray
    truth: Mapping[str, Field]
    maps: Mapping[str, Field]
    spots: Mapping[str, Field]


def shard_path(folder: Path, name: str, shard: int) -> Path:
    """Name of a shard's file; shards are counted from 1."""
    return folder / f"{name}_{shard + 1:06d}.h5"


def partial_path(path: Path) -> Path:
    """Where a shard is while it is written."""
    return path.with_name(f".{path.name}.partial")


def write_shard(
    path: Path, frames: Iterable[Frame], count: int, instrument: Instrument, series: Series, header: Mapping[str, str]
) -> None:
    """Write a shard beside its place, note its checksum, then give it its name.

    Args:
        path: of the shard.
        frames: its images in order; drawn one by one.
        count: how many there are.
        instrument, series: what the NXmx tree says.
        header: name -> text of the truth's strings (configuration, version).

    Raises:
        FileError: the file cannot be written.
    """
    partial = partial_path(path)
    try:
        with explained(path):
            with Sink(partial) as sink:
                with h5py.File(sink, "w", **FORMAT) as file:
                    entry = write_tree(file, instrument, series)
                    truth = entry.create_group("truth")
                    set_attributes(truth, {"NX_class": "NXcollection"})
                    for name, text in header.items():
                        put(truth, name, text)
                    _write_frames(entry, truth, sink.checked(frames), count)
                sink.check()
                sink.sync()
            digest = _digest(partial)
        with atomic_writer(checksum_path(path), "w") as handle:
            handle.write(f"{digest}  {path.name}\n")
        with explained(path):
            os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def check_shard(path: Path, count: int) -> bool:
    """Whether a shard is there and holds all its images; the last one of a dataset that has grown does not.

    Raises:
        FileError: it is there, but its bytes are not those that were written.
    """
    if not path.exists():
        return False
    try:
        wanted = checksum_path(path).read_text().split()[0]
        found = _digest(path)
    except (OSError, IndexError) as error:
        raise FileError(
            f"{path}: cannot be checked against {checksum_path(path).name} ({error}); delete the shard to have it "
            "simulated again"
        ) from None
    if found != wanted:
        raise FileError(
            f"{path}: is damaged: its SHA-256 is {found[:12]}..., {checksum_path(path).name} has {wanted[:12]}...; "
            "delete it to have it simulated again"
        )
    with h5py.File(path, "r") as file:
        return len(file["entry/data/data"]) == count


def config_of(path: Path) -> str:
    """The configuration that a shard was made with.

    Raises:
        FileError: it has none.
    """
    try:
        with h5py.File(path, "r") as file:
            return str(file["entry/truth/config"][()].decode())
    except (OSError, KeyError) as error:
        raise FileError(
            f"{path}: is no shard that can be read ({error}); delete it to have it simulated again"
        ) from None


def checksum_path(path: Path) -> Path:
    """The file that ``sha256sum --check`` reads."""
    return path.with_name(f"{path.name}.sha256")


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what the system and HDF5 say about a file into one sentence."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        # h5py raises the one while it writes and the other while it closes
        remedy = "free some space or permit writing, then continue with --resume"
        raise FileError(f"{path}: cannot be written ({_reason(error)}); {remedy}") from None


def _reason(error: OSError | RuntimeError) -> str:
    """What went wrong, in the system's words where HDF5 quotes them."""
    said = (isinstance(error, OSError) and error.strerror) or str(error)
    quoted = re.findall(r"error message = '([^']*)'", said)
    return quoted[-1] if quoted else said.splitlines()[0]


def digest(pixels: np.ndarray) -> bytes:
    """SHA-256 of pixels as little-endian numbers, row by row."""
    return hashlib.sha256(np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("<")).data).digest()


def digest_of_labels(truth: Mapping[str, np.ndarray]) -> bytes:
    """SHA-256 of everything in an image's truth, by name: names, types, shapes and little-endian numbers."""
    found = hashlib.sha256()
    for name in sorted(truth):
        values = np.asarray(truth[name])
        little = values.dtype.newbyteorder("<")
        found.update(f"{name} {little.str} {values.shape}\n".encode())
        found.update(np.ascontiguousarray(values, little).tobytes())
    return found.digest()


def _seal(frame: Frame) -> Field:
    spots = {f"spots.{name}": field for name, field in frame.spots.items()}
    every = {**frame.truth, **frame.maps, **spots}
    digest = digest_of_labels({name: field.values for name, field in every.items()})
    return Field(np.frombuffer(digest, np.uint8), "", "SHA-256 of the rest of the truth of the image")


def _digest(path: Path) -> str:
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _write_frames(entry: h5py.Group, truth: h5py.Group, frames: Iterable[Frame], count: int) -> None:
    rows: dict[str, list[Field]] = {}
    spots: dict[str, list[Field]] = {}
    images: dict[str, h5py.Dataset] = {}
    for position, frame in enumerate(frames):
        if position == 0:
            several = frame.pixels.ndim == 3
            images["data"] = image_dataset(entry["data"], "data", count, frame.pixels, several)
            for name, field in frame.maps.items():
                images[name] = image_dataset(truth, name, count, field.values, several)
                set_attributes(images[name], _described(field))
        images["data"][position] = frame.pixels
        for name, field in frame.maps.items():
            images[name][position] = field.values
        for name, field in {**frame.truth, "labels_sha256": _seal(frame)}.items():
            rows.setdefault(name, []).append(field)
        for name, field in frame.spots.items():
            spots.setdefault(name, []).append(field)
    for name, fields in rows.items():
        _put_field(truth, name, np.stack([field.values for field in fields]), fields[0])
    if spots:
        table = truth.create_group("spots")
        set_attributes(table, {"NX_class": "NXcollection"})
        for name, fields in spots.items():
            _put_field(table, name, np.concatenate([field.values for field in fields]), fields[0])


def stored_bytes(frame: Frame) -> int:
    """Bytes of an image and its maps once they are compressed."""
    with h5py.File("memory", "w", driver="core", backing_store=False) as file:
        size = 0
        for name, pixels in [("data", frame.pixels), *((name, field.values) for name, field in frame.maps.items())]:
            dataset = image_dataset(file, name, 1, pixels, frame.pixels.ndim == 3)
            dataset[0] = pixels
            size += dataset.id.get_storage_size()
    return size + sum(field.values.nbytes for field in [*frame.truth.values(), *frame.spots.values()])


def image_dataset(parent: h5py.Group, name: str, count: int, like: np.ndarray, several: bool) -> h5py.Dataset:
    """An empty stack of images, bitshuffle-LZ4 with one image, or one of several panels, a chunk."""
    return parent.create_dataset(
        name,
        shape=(count, *like.shape),
        dtype=like.dtype,
        chunks=(1, 1, *like.shape[1:]) if several else (1, *like.shape),
        track_times=False,
        **hdf5plugin.Bitshuffle(cname="lz4"),
    )


def _put_field(parent: h5py.Group, name: str, values: np.ndarray, field: Field) -> None:
    put(parent, name, values, **_described(field))


def _described(field: Field) -> dict[str, str]:
    said = {"units": field.units, "description": field.meaning}
    return {key: text for key, text in said.items() if text}
