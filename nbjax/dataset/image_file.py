"""One image of a configuration as an NXmx file of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from nbjax.dataset.header import instrument_of
from nbjax.dataset.laboratory import nexus_geometry
from nbjax.dataset.master import in_memory
from nbjax.dataset.nxmx import Series, write_tree
from nbjax.dataset.shard import image_dataset
from nbjax.resolve import Resolved


def write_image(
    path: str | Path,
    resolved: Resolved,
    pixels: Shaped[np.ndarray, "*image"],
    saturation: int | None = None,
    photons_per_count: float = 1.0,
    pedestal_counts: float = 0.0,
) -> None:
    """Write an image with its geometry.

    Args:
        path: of the file.
        resolved: what the image shows.
        pixels: of the shape of ``simulate``, in the type that is stored.
        saturation: brightest count that is no overload, or None.
        photons_per_count: of every pixel, less its pedestal.
        pedestal_counts: what was added to every pixel.

    Raises:
        FileError: it cannot be written.
    """
    geometry = nexus_geometry(resolved)
    instrument = replace(
        instrument_of(resolved, geometry, pixels.dtype, saturation),
        photons_per_count=photons_per_count,
        pedestal_counts=pedestal_counts,
    )
    crystal = resolved.crystal
    turns = resolved.config.crystal.phi_range_deg is not None
    series = Series(np.array([crystal.phi_start_deg]), crystal.phi.range if turns else 0.0)
    with in_memory(Path(path)) as file:
        entry = write_tree(file, instrument, series)
        image_dataset(entry["data"], "data", 1, pixels, geometry.several)[0] = pixels
