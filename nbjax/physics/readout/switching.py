"""Amplifiers that switch to a lower gain while charge comes in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from nbjax.fields import STATIC
from nbjax.physics.readout.stage import Moments

CODES = (0, 1, 3)
"""Bits of the three gains above those of the converter, as the JUNGFRAU chip sends them."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class GainSwitching:
    """Each pixel is read by the highest of three gains that its charge leaves in range.

    Attributes:
        counts_per_photon, pedestal_counts, sigma_counts: of each gain, the highest first; the noise is a standard
            deviation. A gain may be negative.
        switch_photons: charge from which the second and the third gain are used.
        bits: of the converter.
        form: "raw" words, with the number of the gain in the two bits above those of the converter; or "photons", as a
            perfect calibration makes them of these.
    """

    counts_per_photon: Float[Array, "3"]
    pedestal_counts: Float[Array, "3"]
    sigma_counts: Float[Array, "3"]
    switch_photons: Float[Array, "2"]
    bits: int = field(default=14, metadata=STATIC)
    form: Literal["raw", "photons"] = field(default="raw", metadata=STATIC)

    @property
    def largest(self) -> int:
        """Of the converter."""
        return 2**self.bits - 1

    def record(self, key: Array, image: Array) -> Array:
        """Words of so many bits and two, or photons."""
        which = self._which(image)
        gain, pedestal, sigma = (self._chosen(x, which) for x in self._numbers())
        noise = sigma * jax.random.normal(key, image.shape, image.dtype)
        read = jnp.clip(jnp.rint(pedestal + gain * image + noise), 0.0, self.largest)
        if self.form == "photons":
            return (read - pedestal) / gain
        words = read + self._chosen(jnp.asarray(CODES, image.dtype), which) * (self.largest + 1)
        return jnp.where(jnp.isnan(image), jnp.nan, words)

    def moments(self, before: Moments) -> Moments:
        """Of the gain that the mean chooses, with a twelfth for the converter's rounding."""
        which = self._which(before.mean)
        gain, pedestal, sigma = (self._chosen(x, which) for x in self._numbers())
        variance = sigma**2 + 1 / 12
        if self.form == "photons":
            return Moments(before.mean, before.variance + variance / gain**2)
        code = self._chosen(jnp.asarray(CODES, before.mean.dtype), which) * (self.largest + 1)
        return Moments(code + pedestal + gain * before.mean, gain**2 * before.variance + variance)

    def photons(self, words: Array) -> Array:
        """What raw words mean."""
        code = jnp.floor(words / (self.largest + 1))
        which = jnp.where(code >= CODES[2], 2, jnp.where(code >= CODES[1], 1, 0))
        gain, pedestal, _ = (self._chosen(x, which) for x in self._numbers())
        return (words - code * (self.largest + 1) - pedestal) / gain

    def _numbers(self) -> tuple[Array, Array, Array]:
        return jnp.asarray(self.counts_per_photon), jnp.asarray(self.pedestal_counts), jnp.asarray(self.sigma_counts)

    def _which(self, image: Array) -> Array:
        return (image > self.switch_photons[0]).astype(jnp.int8) + (image > self.switch_photons[1]).astype(jnp.int8)

    @staticmethod
    def _chosen(values: Array, which: Array) -> Array:
        return jnp.where(which == 0, values[0], jnp.where(which == 1, values[1], values[2]))
