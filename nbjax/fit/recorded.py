"""The likelihood of pixels that a detector has recorded, by the mean and the variance that its stages say."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from nbjax.errors import ConfigError, Fault
from nbjax.fit.losses import Gaussian, Loss, Poisson
from nbjax.io.images import Recorded as Image
from nbjax.physics.readout import (
    ChargeSharing,
    Counting,
    Flicker,
    GainSwitching,
    HotAndDead,
    PointSpread,
    Quantize,
    Readout,
    Saturation,
    moments,
)
from nbjax.physics.readout import Poisson as Counts
from nbjax.preparation.record import Recording

Noise = tuple[float, float, float, float]
"""Photons from which it holds, and the variance there: its constant, and its coefficients of m and of m^2."""

_NOTHING = 1e-10


@dataclass(frozen=True)
class Recorded:
    """Photons m with the variance v(m) = a + b m + c m^2 of a detector: the shifted and scaled Poisson approximation.

    With f = b + 2 c d and s = a - c d^2 at the data d, v(m) is near f m + s, and (d + s / f) / f has the mean and the
    variance (m + s / f) / f: it counts as Poisson's distribution has it (Snyder, Helstrom, Lanterman, Faisal and White,
    J. Opt. Soc. Am. A 12, 272, 1995, for f = 1).

    Attributes:
        noise: of each range of photons, in ascending order.
    """

    noise: tuple[Noise, ...]

    @property
    def least_photons(self) -> float:
        """0 of counts, minus infinity with noise that may make any."""
        return -math.inf if self.noise[0][1] > 0 else 0.0

    def nll(self, photons: Float[Array, " n"], data: Float[Array, " n"]) -> Float[Array, " n"]:
        """Half the deviance of the scaled counts."""
        return Poisson().nll(*self._scaled(photons, data))

    def information(self, photons: Float[Array, " n"]) -> Float[Array, " n"]:
        """1 / v(m)."""
        a, b, c = self._at(photons)
        return 1 / jnp.maximum(a + photons * (b + photons * c), 1e-12)

    def residual(self, photons: Float[Array, " n"], data: Float[Array, " n"]) -> Float[Array, " n"]:
        """That of the scaled counts."""
        return Poisson().residual(*self._scaled(photons, data))

    def mean_deviance(self, photons: np.ndarray) -> np.ndarray:
        """That of the scaled counts."""
        photons = np.asarray(photons, float)
        return Poisson().mean_deviance(np.asarray(self._scaled(jnp.asarray(photons), jnp.asarray(photons))[0]))

    def _scaled(self, photons: Array, data: Array) -> tuple[Array, Array]:
        seen = jnp.maximum(data, 0.0)
        a, b, c = self._at(seen)
        factor = b + 2 * c * seen
        shift = jnp.maximum(a - c * seen**2, 0.0) / factor
        return (photons + shift) / factor, jnp.maximum(data + shift, 0.0) / factor

    def _at(self, photons: Array) -> tuple[Array, Array, Array]:
        first, *others = self.noise
        found = [jnp.full_like(photons, value) for value in first[1:]]
        for start, *values in others:
            found = [jnp.where(photons > start, value, old) for value, old in zip(values, found, strict=True)]
        return found[0], found[1], found[2]


def recorded_loss(how: Recording) -> Loss:
    """The loss of data that are recorded so.

    Light that spreads, dead time, defects and the intensity of a shot are left out: a fit has masks for defects, and a
    scale for the intensity.

    Raises:
        ConfigError: the stages draw nothing at random.
    """
    noise = _noise(how)
    _, a, b, c = noise[0]
    if len(noise) == 1 and (a, b, c) == (0.0, 1.0, 0.0):
        return Poisson()
    if b > 0:
        return Recorded(noise)
    if a > 0:
        return Gaussian(math.sqrt(a))
    raise ConfigError([Fault("loss.kind", "is that of record, whose stages have no noise; give another")])


def _noise(how: Recording) -> tuple[Noise, ...]:
    chain: list[Readout] = []
    starts = [0.0]
    for stage in how.stages:
        match stage:
            case PointSpread() | ChargeSharing() | HotAndDead() | Saturation() | Flicker(each="image"):
                continue
            case Counting():
                chain.append(Counts())
            case Quantize() if how.switched:
                # of words, whose converter has rounded
                continue
            case GainSwitching():
                chain.append(replace(stage, form="photons"))
                starts += [float(start) for start in np.asarray(stage.switch_photons)]
            case _:
                chain.append(stage)
    return tuple(_of_range(chain, how, start, end) for start, end in zip(starts, [*starts[1:], np.inf], strict=True))


def _of_range(chain: list[Readout], how: Recording, start: float, end: float) -> Noise:
    """Coefficients of the variance, which is of the second degree, through three points."""
    step = min((end - start) / 4, max(start, 1.0))
    places = start + step * np.arange(1, 4)
    with jax.enable_x64(True):
        variances = np.asarray(moments(chain, jnp.asarray(places)).variance) / how.counts_per_photon**2
    # in units of the step, so that the digits of the constant are not lost
    c, b, a = np.polyfit((places - start) / step, variances, 2)
    scale = float(np.abs(variances).max())
    c, b = (0.0 if abs(value) < _NOTHING * scale else value for value in (c, b))
    c, b = c / step**2, b / step
    a, b = a - b * start + c * start**2, b - 2 * c * start
    rounded = [float(np.round(value, 12)) + 0.0 for value in (a, b, c)]
    return start, max(rounded[0], 0.0), rounded[1], rounded[2]


def as_recorded(image: Image, how: Recording) -> Image:
    """An image with what the record says of its numbers, where its file says nothing."""
    whole = image.stored.dtype.kind in "ui"
    if how.switched and whole:
        [switching] = [stage for stage in how.stages if isinstance(stage, GainSwitching)]
        with jax.enable_x64(True):
            photons = np.asarray(switching.photons(jnp.asarray(image.stored, float)))
        return replace(image, stored=np.where(image.bad, np.nan, photons), unit="photons", saturation_counts=None)
    told = (image.unit, image.photons_per_count, image.wavelength_A, image.distance_mm) != ("counts", 1, None, None)
    if not how.stages or told or image.stored.dtype != how.kind:
        return image
    return replace(
        image,
        photons_per_count=1 / how.counts_per_photon,
        pedestal_counts=how.pedestal_counts,
        saturation_counts=how.saturation_counts,
    )
