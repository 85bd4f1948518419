"""Whole numbers of a file's width."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from nbjax.fields import STATIC
from nbjax.physics.readout.stage import Moments, Pixels


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Quantize:
    """Rounding, and a cut at the smallest and at the largest number.

    Attributes:
        largest: what brighter pixels become.
        rounding: to the nearest whole number, or down; "half_up" is to the nearest in 32 bits, halves up.
        smallest: what darker pixels become.
    """

    largest: float = field(metadata=STATIC)
    rounding: Literal["nearest", "down", "half_up"] = field(default="nearest", metadata=STATIC)
    smallest: float = field(default=0.0, metadata=STATIC)

    def record(self, key: Array | None, image: Pixels) -> Pixels:
        """Whole numbers from ``smallest`` to ``largest``; an array of NumPy stays one."""
        xp: Any = np if isinstance(image, np.ndarray) else jnp
        if self.rounding == "half_up":
            rounded = xp.floor((xp.clip(image, self.smallest, self.largest) + 0.5).astype(np.float32))
        else:
            rounded = xp.rint(image) if self.rounding == "nearest" else xp.floor(image)
        whole: Pixels = xp.clip(rounded, self.smallest, self.largest)
        return whole

    def overloads(self, image: Pixels) -> int:
        """Pixels above ``largest``."""
        return int((image > self.largest).sum())

    def moments(self, before: Moments) -> Moments:
        """Rounding adds the variance of a uniform error, 1/12 (Widrow, IRE Trans. Circuit Theory 3, 266, 1956)."""
        shift = 0.5 if self.rounding == "down" else 0.0
        return Moments(jnp.clip(before.mean - shift, self.smallest, self.largest), before.variance + 1 / 12)


SMV_COUNTS = Quantize(65535.0, "down")
SMV_SCALED = Quantize(65535.0, "half_up")
"""What the 16 bits of an SMV image hold of counts, and of scaled photons, rounded as in the C program."""
