"""What readers of Dectris's Eiger files look for in a master; Neggia, by which XDS reads them, needs all of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np

from nbjax.dataset.nodes import group, put
from nbjax.dataset.nxmx import Instrument


def write_eiger_names(entry: h5py.Group, shards: Sequence[Path], images: int, instrument: Instrument) -> None:
    """Add links to the pixels of each shard, and the detector's own numbers.

    Args:
        entry: of a master that has its tree.
        shards: every shard, in order.
        images: of all of them.
        instrument: what the images share.
    """
    # fabio takes every name that begins with "data" for further images, up to one that leads nowhere
    entry["data/data_000000"] = h5py.SoftLink("/entry/data/none")
    for number, shard in enumerate(shards):
        entry[f"data/data_{number + 1:06d}"] = h5py.ExternalLink(shard.name, "/entry/data/data")
    specific = group(entry["instrument/detector"], "detectorSpecific", "NXcollection")
    put(specific, "nimages", np.uint64(images))
    put(specific, "ntrigger", np.uint64(1))
    put(specific, "x_pixels_in_detector", np.uint64(instrument.shape[1]))
    put(specific, "y_pixels_in_detector", np.uint64(instrument.shape[0]))
    # neither in chunks nor compressed, which Neggia reads of images only
    put(specific, "pixel_mask", instrument.mask)
