"""Series of images with their truth, in files that processing programs read.

``open`` gives the images of a dataset and their truth, one by one; it needs no JAX, so that the workers of a data
loader start at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nbjax.dataset.reading import Images

if TYPE_CHECKING:
    from jax import Array

    from nbjax.dataset.load import Recipe
    from nbjax.experiment import Experiment

__all__ = ["Images", "describe", "generate", "open"]


def describe(experiment: Experiment) -> dict[str, np.ndarray]:
    """Labels of the image of an experiment of one or more crystals, see ``nbjax.dataset.description.describe``."""
    from nbjax.dataset.description import describe

    return describe(experiment)


def generate(recipe: Recipe | str | Path, batch_size: int, **options: Any) -> Iterator[dict[str, Array]]:
    """Endless batches of images and labels on the device, see ``nbjax.dataset.generation.generate``."""
    from nbjax.dataset.generation import generate

    return generate(recipe, batch_size, **options)


def open(path: str | Path, verify: bool = False, fields: Iterable[str] | None = None) -> Images:
    """Images and truth of a dataset.

    Args:
        path: of a master or a shard.
        verify: compare the pixels and the truth of every image that is read with their checksums.
        fields: names of the truth that are read, ``spots`` for all columns of the table; None: all, which takes longer.
            ``()`` reads the pixels alone.

    Returns:
        A sequence of (pixels, truth): pixels of shape (slow, fast), and name -> array; of a slice, with a first axis of
        images.

    Raises:
        FileError: the file is no dataset, or one of its shards is missing or damaged.
    """
    return Images(path, verify, fields)
