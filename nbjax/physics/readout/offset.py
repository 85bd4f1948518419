"""The pedestal of an analogue-to-digital converter."""

from __future__ import annotations

from dataclasses import dataclass

from jax import Array

from nbjax.physics.readout.stage import Moments, Pixels


@dataclass(frozen=True)
class Offset:
    """A number added to every pixel.

    Attributes:
        counts: what is added.
    """

    counts: float

    def record(self, key: Array | None, image: Pixels) -> Pixels:
        """The shifted image; an array of NumPy stays one."""
        return image + self.counts

    def moments(self, before: Moments) -> Moments:
        """The mean is shifted."""
        return Moments(before.mean + self.counts, before.variance)
