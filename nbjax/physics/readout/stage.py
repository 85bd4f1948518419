"""What every stage of a readout is."""

from __future__ import annotations

from typing import NamedTuple, Protocol, TypeVar, runtime_checkable

import jax
import numpy as np
from jax import Array
from jax.typing import ArrayLike

Pixels = TypeVar("Pixels", Array, np.ndarray)


class Moments(NamedTuple):
    """Mean and variance of each pixel, in the unit of the image and its square."""

    mean: Array
    variance: Array


@runtime_checkable
class Readout(Protocol):
    """One step from photons to the numbers of a file.

    A stage is a pytree: its numbers are leaves, its choices and counts are static. It draws from its key alone, for
    each pixel by its place, so that no other stage, tile or device has a say in what it draws.
    """

    def record(self, key: Array, image: Array) -> Array:
        """The image after this step.

        Args:
            key: random key of this stage in this image; stages without chance leave it alone.
            image: what the step before gave, any shape; of stages that spread light, (..., slow, fast).
        """

    def moments(self, before: Moments) -> Moments:
        """Mean and variance after this step."""


def chance_key(seed: int) -> Array:
    """Key of what is fixed over all images of a detector."""
    return jax.random.key(seed)


def positive(image: ArrayLike) -> Array:
    """The image without what is below zero."""
    return jax.numpy.maximum(image, 0.0)
