"""Counting of single photons by electronics that are busy for a while after each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from nbjax.fields import STATIC
from nbjax.physics.noise import poisson_counts, uniforms
from nbjax.physics.readout.stage import Moments


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Counting:
    """Expected photons to counted ones; it stands in the place of ``Poisson``.

    After each photon (non-paralyzable) or each that arrives, counted or not (paralyzable), a pixel is dead for a time.
    Of n photons expected in an exposure of which the dead time is the part d, n / (1 + n d) or n exp(-n d) are counted,
    with variances n / (1 + n d)^3 and n exp(-n d) (1 - 2 n d exp(-n d)) (G. F. Knoll, Radiation Detection and
    Measurement, chapter 4; J. W. Mueller, Nucl. Instrum. Methods 112, 47, 1973). Photons are drawn first; what
    they lose is drawn with the mean and the variance that are left, and rounded at random.

    Attributes:
        efficiency: part of the photons that pass the threshold.
        dead_part: the dead time over the exposure.
        kind: of dead time.
    """

    efficiency: Float[Array, ""]
    dead_part: Float[Array, ""]
    kind: Literal["nonparalyzable", "paralyzable"] = field(default="nonparalyzable", metadata=STATIC)

    def record(self, key: Array, image: Array) -> Array:
        """Whole numbers."""
        arriving, losing, rounding = jax.random.split(key, 3)
        photons = poisson_counts(self.efficiency * image, arriving)
        mean = self._kept(photons, 1.0)
        part = mean - jnp.floor(mean)
        # the rounding at random has a variance of its own
        spread = jnp.sqrt(jnp.maximum(self._lost_at_random(photons) - part * (1 - part), 0.0))
        drawn = mean + spread * jax.random.normal(losing, image.shape, image.dtype)
        whole = jnp.floor(drawn + uniforms(rounding, image.shape, image.dtype))
        return jnp.clip(whole, jnp.minimum(photons, 1.0), photons)

    def moments(self, before: Moments) -> Moments:
        """Of many photons, to the order in which dead time and exposure differ."""
        expected = self.efficiency * before.mean
        variance = self.efficiency**2 * before.variance + expected
        return Moments(
            self._kept(expected, 0.0), self._slope(expected) ** 2 * variance + self._lost_at_random(expected)
        )

    def _kept(self, photons: Array, first: float) -> Array:
        """Counts of photons; of drawn ones the first is always counted."""
        if self.kind == "paralyzable":
            # of n at random times each is counted with (1 - d)^(n - 1), whose mean over n is exp(-n d)
            rate = jnp.log1p(-self.dead_part) if first else -self.dead_part
            return photons * jnp.exp((photons - first) * rate)
        return photons / (1 + jnp.maximum(photons - first, 0.0) * self.dead_part)

    def _slope(self, photons: Array) -> Array:
        busy = photons * self.dead_part
        return (1 - busy) * jnp.exp(-busy) if self.kind == "paralyzable" else 1 / (1 + busy) ** 2

    def _lost_at_random(self, photons: Array) -> Array:
        """Variance of the counts of so many photons, whose times are at random."""
        busy = photons * self.dead_part
        if self.kind == "paralyzable":
            return photons * jnp.exp(-busy) * (1 - jnp.exp(-busy) * (1 + busy**2))
        return photons * busy / (1 + busy) ** 4
