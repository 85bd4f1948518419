"""What every stage of a readout is."""

from __future__ import annotations

from typing import NamedTuple, Protocol, TypeVar, runtime_checkable

import numpy as np
from jax import Array

Pixels = TypeVar("Pixels", Array, np.ndarray)


class Moments(NamedTuple):
    """Mean and variance of each pixel, in the unit of the image and its square."""

    mean: Array
    variance: Array


@runtime_checkable
class Readout(Protocol):
    """One step from photons to the numbers of a file; both functions act on each pixel by itself."""

    def record(self, key: Array, image: Array) -> Array:
        """The image after this step.

        Args:
            key: random key of this stage; stages without chance leave it alone.
            image: what the step before gave, any shape.
        """

    def moments(self, before: Moments) -> Moments:
        """Mean and variance after this step."""
