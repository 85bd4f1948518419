"""NXmx files of single images: a tree with the image's own geometry, and a link to its pixels in their shard."""

from __future__ import annotations

from pathlib import Path

import h5py

from nbjax.dataset.master import in_memory, put_virtual
from nbjax.dataset.nxmx import write_tree
from nbjax.dataset.single import Single


def write(path: Path, image: Single) -> None:
    """Write a file that is read beside its shard.

    Raises:
        FileError: it cannot be written.
    """
    with in_memory(path) as file:
        entry = write_tree(file, image.instrument, image.series)
        place, counts = image.place, image.counts
        layout = h5py.VirtualLayout((1, *counts.shape), counts.dtype)
        shard = h5py.VirtualSource(place.shard, "/entry/data/data", (place.rows, *counts.shape), counts.dtype)
        layout[0:1] = shard[place.row : place.row + 1]
        put_virtual(entry["data"], "data", layout)
        for name in ("spectrum_wavelength", "spectrum_weight") if image.instrument.channels else ():
            channels = image.instrument.channels
            layout = h5py.VirtualLayout((1, channels), float)
            shard = h5py.VirtualSource(place.shard, f"/entry/truth/{name}", (place.rows, channels), float)
            layout[0:1] = shard[place.row : place.row + 1]
            put_virtual(entry.require_group("truth"), name, layout)
