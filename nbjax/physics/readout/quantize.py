"""Whole numbers of a file's width."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import jax.numpy as jnp
import numpy as np
from jax import Array

from nbjax.physics.readout.stage import Moments, Pixels


@dataclass(frozen=True)
class Quantize:
    """Rounding, and a cut at zero and at the largest number.

    Attributes:
        largest: what brighter pixels become.
        rounding: to the nearest whole number, or down.
    """

    largest: float
    rounding: Literal["nearest", "down"] = "nearest"

    def record(self, key: Array | None, image: Pixels) -> Pixels:
        """Whole numbers from 0 to ``largest``; an array of NumPy stays one."""
        xp: Any = np if isinstance(image, np.ndarray) else jnp
        rounded = xp.rint(image) if self.rounding == "nearest" else xp.floor(image)
        whole: Pixels = xp.clip(rounded, 0.0, self.largest)
        return whole

    def overloads(self, image: Pixels) -> int:
        """Pixels above ``largest``."""
        return int((image > self.largest).sum())

    def moments(self, before: Moments) -> Moments:
        """Rounding adds the variance of a uniform error, 1/12 (Widrow, IRE Trans. Circuit Theory 3, 266, 1956)."""
        shift = 0.0 if self.rounding == "nearest" else 0.5
        return Moments(jnp.clip(before.mean - shift, 0.0, self.largest), before.variance + 1 / 12)


SMV_COUNTS = Quantize(65535.0, "down")
"""What the 16 bits of an SMV image hold, rounded as in the C program."""
