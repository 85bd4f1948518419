"""The master: one file through which all images of a dataset are read, wherever they are stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np

from nbjax.dataset.eiger import write_eiger_names
from nbjax.dataset.nodes import put, set_attributes
from nbjax.dataset.nxmx import Instrument, Series, write_tree
from nbjax.dataset.reading import Images
from nbjax.dataset.shard import FORMAT, explained
from nbjax.io.files import atomic_writer


def master_path(folder: Path, name: str) -> Path:
    """Name of the master."""
    return folder / f"{name}_master.h5"


def write_master(path: Path, shards: Sequence[Path], instrument: Instrument, series: Series) -> None:
    """Write the master: the NXmx tree of all images, and virtual datasets of pixels and truth.

    Args:
        path: of the master, in the folder of the shards.
        shards: every shard, in order.
        instrument, series: what the tree says, of all images.

    Raises:
        FileError: it cannot be written.
    """
    with in_memory(path) as file:
        entry = write_tree(file, instrument, series)
        _link(entry, shards)
        if not instrument.geometry.several:
            write_eiger_names(entry, shards, len(series.start_deg), instrument)


def flat_path(folder: Path, name: str) -> Path:
    """Name of the file with all panels below each other."""
    return folder / f"{name}_2d.h5"


def write_flat(path: Path, shards: Sequence[Path], instrument: Instrument, series: Series) -> None:
    """Write what programs read that take two-dimensional images: the same images, with their panels below each other.

    Args:
        path: of the file, in the folder of the shards.
        shards, instrument, series: as for ``write_master``, of several panels.

    Raises:
        FileError: it cannot be written.
    """
    panels, slow, fast = instrument.shape
    below = (panels * slow, fast)
    flat = replace(instrument, shape=below, mask=instrument.mask.reshape(below), channels=0)
    with in_memory(path) as file:
        entry = write_tree(file, flat, series)
        layout = h5py.VirtualLayout((len(series.start_deg), *below), _type(shards[0]))
        start = 0
        for shard in shards:
            with h5py.File(shard, "r") as opened:
                shape = opened["entry/data/data"].shape
            source = h5py.VirtualSource(shard.name, "/entry/data/data", shape, layout.dtype)
            for number in range(panels):
                rows = slice(number * slow, (number + 1) * slow)
                layout[start : start + shape[0], rows] = source[:, number]
            start += shape[0]
        put_virtual(entry["data"], "data", layout)


def _type(shard: Path) -> np.dtype:
    with h5py.File(shard, "r") as file:
        return np.dtype(file["entry/data/data"].dtype)


@contextmanager
def in_memory(path: Path) -> Iterator[h5py.File]:
    """A small HDF5 file that is written at once when it is complete; HDF5 locks what it writes by itself.

    Raises:
        FileError: it cannot be written.
    """
    with explained(path), h5py.File(path.name, "w", driver="core", backing_store=False, **FORMAT) as file:
        yield file
        file.flush()
        content = file.id.get_file_image()
    with atomic_writer(path) as handle:
        handle.write(content)


def overloads(path: Path) -> tuple[int, int]:
    """Pixels of a dataset that are too bright for their type, and images that have some."""
    with Images(path) as images:
        found = images.column("overloads")
    return int(found.sum()), int((found > 0).sum())


def blank_images(path: Path) -> tuple[int, ...]:
    """Numbers of the images of a dataset that show lattices, of which no photon is expected."""
    with Images(path) as images:
        dark = (images.column("photons") == 0) & (images.column("lattices") > 0)
        return tuple(map(int, images.column("image")[dark]))


def _link(entry: h5py.Group, shards: Sequence[Path]) -> None:
    truth = entry.create_group("truth")
    set_attributes(truth, {"NX_class": "NXcollection"})
    parts: dict[str, list[tuple[str, tuple[int, ...], np.dtype]]] = {}
    attributes: dict[str, dict[str, object]] = {}
    for shard in shards:
        with h5py.File(shard, "r") as file:
            for name, dataset in _datasets(file["entry"]):
                if dataset.shape == ():
                    if shard == shards[0]:
                        put(entry, name, dataset[()].decode())
                    continue
                parts.setdefault(name, []).append((shard.name, dataset.shape, dataset.dtype))
                attributes[name] = dict(dataset.attrs)
    for name, sources in parts.items():
        rows = sum(shape[0] for _, shape, _ in sources)
        layout = h5py.VirtualLayout((rows, *sources[0][1][1:]), sources[0][2])
        start = 0
        for file_name, shape, dtype in sources:
            if shape[0]:
                layout[start : start + shape[0]] = h5py.VirtualSource(file_name, f"/entry/{name}", shape, dtype)
            start += shape[0]
        made = put_virtual(entry, name, layout)
        for key, value in attributes[name].items():
            made.attrs[key] = value


def put_virtual(parent: h5py.Group, name: str, layout: h5py.VirtualLayout) -> h5py.Dataset:
    """A virtual dataset without the time of its writing, by which equal files would differ."""
    layout.dcpl.set_obj_track_times(False)
    return parent.create_virtual_dataset(name, layout)


def _datasets(entry: h5py.Group) -> list[tuple[str, h5py.Dataset]]:
    """Pixels, and everything of the truth, by their names below the entry."""
    found = [("data/data", entry["data/data"])]
    entry["truth"].visititems(
        lambda name, node: found.append((f"truth/{name}", node)) if isinstance(node, h5py.Dataset) else None
    )
    return found
