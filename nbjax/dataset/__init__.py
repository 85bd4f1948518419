"""Series of images with their truth, in files that processing programs read.

``open`` gives the images of a dataset and their truth, one by one; it needs no JAX, so that the workers of a data
loader start at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nbjax.dataset.reading import Images

if TYPE_CHECKING:
    from nbjax.experiment import Experiment

__all__ = ["Images", "describe", "open"]


def describe(experiment: Experiment) -> dict[str, np.ndarray]:
    """Labels of the image of an experiment of one or more crystals, see ``nbjax.dataset.description.describe``."""
    from nbjax.dataset.description import describe

    return describe(experiment)


def open(path: str | Path, verify: bool = False) -> Images:
    """Images and truth of a dataset.

    Args:
        path: of a master or a shard.
        verify: compare every image with the checksum in its truth.

    Returns:
        A sequence of (pixels, truth): pixels of shape (slow, fast), and name -> array.

    Raises:
        FileError: the file is no dataset, or one of its shards is missing or damaged.
    """
    return Images(path, verify)
