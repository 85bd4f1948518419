"""Negative log-likelihoods of pixels, as functions of the expected photons.

Each is 0 or constant at the best possible model of a pixel, so that sums stay small next to their differences.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
import scipy.special
from jax import Array
from jax.scipy.special import gammaln, logsumexp, xlogy
from jaxtyping import Float

from nbjax.physics.readout import Poisson as Counts
from nbjax.physics.readout import moments

_FLOOR = 1e-12
"""Photons below which a model counts as this many: a pixel where it says zero has a finite likelihood."""

_READOUT_SIGMAS = 6.0
_MANY = 30.0


@runtime_checkable
class Loss(Protocol):
    """What a fit asks of a loss; all functions act on each pixel."""

    @property
    def least_photons(self) -> float:
        """Data below this are impossible: 0 for counts, minus infinity where readout noise may make any."""

    def nll(self, photons: Float[Array, " n"], data: Float[Array, " n"]) -> Float[Array, " n"]:
        """Negative log-likelihood."""

    def information(self, photons: Float[Array, " n"]) -> Float[Array, " n"]:
        """Fisher information about the expected photons: the mean second derivative of ``nll`` over the data."""

    def residual(self, photons: Float[Array, " n"], data: Float[Array, " n"]) -> Float[Array, " n"]:
        """Half its square is ``nll``, up to a constant of the data: for least squares. Its square is the deviance."""

    def mean_deviance(self, photons: np.ndarray) -> np.ndarray:
        """Mean of the deviance over data that have these expected photons."""


@dataclass(frozen=True)
class Poisson:
    """Counts of photons; half the deviance (McCullagh and Nelder, Generalized Linear Models, 1989, section 2.3)."""

    least_photons: ClassVar[float] = 0.0

    def nll(self, photons: Float[Array, " n"], data: Float[Array, " n"]) -> Float[Array, " n"]:
        """Half the deviance of a pixel: m - d + d log(d / m)."""
        mean = photons + _FLOOR
        return mean - data + xlogy(data, data) - xlogy(data, mean)

    def information(self, photons: Float[Array, " n"]) -> Float[Array, " n"]:
        """1 / m."""
        return 1 / (photons + _FLOOR)

    def residual(self, photons: Float[Array, " n"], data: Float[Array, " n"]) -> Float[Array, " n"]:
        """Signed root of the deviance; its series where the model is close to the data."""
        mean = photons + _FLOOR
        relative = (mean - data) / jnp.maximum(data, _FLOOR)
        near = jnp.abs(relative) < 1e-3
        series = jnp.sqrt(jnp.maximum(data, _FLOOR)) * relative * (1 - relative / 3 + relative**2 * 7 / 36)
        away = jnp.where(near, 2 * data + 1.0, mean)
        deviance = 2 * (away - data + xlogy(data, data) - xlogy(data, away))
        return jnp.where(near, series, jnp.sign(away - data) * jnp.sqrt(deviance))

    def mean_deviance(self, photons: np.ndarray) -> np.ndarray:
        """Far below 1 for few photons, near 1 for many."""
        return np.asarray(_mean_poisson_deviance(photons))


@dataclass(frozen=True)
class Gaussian:
    """Normal errors of one size, in photons."""

    least_photons: ClassVar[float] = -math.inf
    sigma: float = 1.0

    def nll(self, photons: Float[Array, " n"], data: Float[Array, " n"]) -> Float[Array, " n"]:
        """Half the squared residual."""
        return 0.5 * self.residual(photons, data) ** 2

    def information(self, photons: Float[Array, " n"]) -> Float[Array, " n"]:
        """1 / sigma^2."""
        return jnp.full_like(photons, self.sigma**-2)

    def residual(self, photons: Float[Array, " n"], data: Float[Array, " n"]) -> Float[Array, " n"]:
        """(m - d) / sigma."""
        return (photons - data) / self.sigma

    def mean_deviance(self, photons: np.ndarray) -> np.ndarray:
        """1."""
        return np.ones(np.shape(photons))


@dataclass(frozen=True)
class PoissonGaussian:
    """Counts of photons, read out with normal noise: the exact convolution of the two.

    p(d) = sum over n of Poisson(n; m) Normal(d; n, sigma), summed over all n within six standard deviations of the most
    likely one. The information is that of the shifted Poisson approximation, 1 / (m + sigma^2) (Snyder, Helstrom,
    Lanterman, Faisal and White, J. Opt. Soc. Am. A 12, 272, 1995). Zeros in the data of a Gaussian of variance sigma^2
    may be negative.

    Attributes:
        sigma: standard deviation of the readout noise in photons.
    """

    least_photons: ClassVar[float] = -math.inf
    sigma: float

    def nll(self, photons: Float[Array, " n"], data: Float[Array, " n"]) -> Float[Array, " n"]:
        """-log p(d)."""
        mean = photons + _FLOOR
        counts = self._counts(jax.lax.stop_gradient(mean), data)
        poisson = xlogy(counts, mean[..., None]) - mean[..., None] - gammaln(counts + 1)
        normal = -0.5 * ((data[..., None] - counts) / self.sigma) ** 2 - math.log(self.sigma * math.sqrt(2 * math.pi))
        return -logsumexp(poisson + normal, axis=-1)

    def information(self, photons: Float[Array, " n"]) -> Float[Array, " n"]:
        """1 / (m + sigma^2)."""
        return 1 / _variance(photons, self.sigma)

    def residual(self, photons: Float[Array, " n"], data: Float[Array, " n"]) -> Float[Array, " n"]:
        """Of the shifted Poisson approximation: d + sigma^2 as counts of mean m + sigma^2."""
        return Poisson().residual(photons + self.sigma**2, jnp.maximum(data + self.sigma**2, 0.0))

    def mean_deviance(self, photons: np.ndarray) -> np.ndarray:
        """That of counts of mean m + sigma^2."""
        return np.asarray(_mean_poisson_deviance(photons + self.sigma**2))

    def _counts(self, mean: Array, data: Array) -> Array:
        """Whole numbers around the most likely count, where log m - log n = (n - d) / sigma^2."""
        variance = self.sigma**2
        likely = jnp.maximum((mean * data + mean * variance) / (mean + variance), 1e-3)
        for _ in range(8):
            slope = jnp.log(mean / likely) - (likely - data) / variance
            likely = jnp.maximum(likely + slope / (1 / likely + 1 / variance), 0.1 * likely)
        reach = math.ceil(_READOUT_SIGMAS * self.sigma) + 1
        first = jnp.maximum(jnp.round(likely) - reach, 0.0)
        return first[..., None] + jnp.arange(2 * reach + 1, dtype=mean.dtype)


@dataclass(frozen=True)
class Robust:
    """Student's t around the model, with the variance of counts and readout: outliers lose their pull.

    Attributes:
        freedom: degrees of freedom; fewer mean heavier tails (Lange, Little and Taylor, J. Am. Stat. Assoc. 84, 881,
            1989).
        sigma: standard deviation of the readout noise in photons.
    """

    least_photons: ClassVar[float] = -math.inf
    freedom: float = 4.0
    sigma: float = 1.0

    def nll(self, photons: Float[Array, " n"], data: Float[Array, " n"]) -> Float[Array, " n"]:
        """(freedom + 1) / 2 log(1 + z^2 / freedom) with z^2 = (m - d)^2 / (d + sigma^2)."""
        z = self._deviate(photons, data)
        return 0.5 * (self.freedom + 1) * jnp.log1p(z * z / self.freedom)

    def information(self, photons: Float[Array, " n"]) -> Float[Array, " n"]:
        """(freedom + 1) / (freedom + 3) / (m + sigma^2)."""
        return (self.freedom + 1) / (self.freedom + 3) / _variance(photons, self.sigma)

    def residual(self, photons: Float[Array, " n"], data: Float[Array, " n"]) -> Float[Array, " n"]:
        """Signed root of twice ``nll``; linear at the model itself."""
        z = self._deviate(photons, data)
        near = jnp.abs(z) < 1e-3
        away = jnp.where(near, 1.0, z)
        slope = math.sqrt((self.freedom + 1) / self.freedom)
        root = jnp.sqrt((self.freedom + 1) * jnp.log1p(away * away / self.freedom))
        return jnp.where(near, slope * z * (1 - z * z / (4 * self.freedom)), jnp.sign(z) * root)

    def mean_deviance(self, photons: np.ndarray) -> np.ndarray:
        """That of normal deviates, by Gauss-Hermite quadrature."""
        nodes, weights = np.polynomial.hermite_e.hermegauss(40)
        deviance = (self.freedom + 1) * np.log1p(nodes**2 / self.freedom)
        return np.full(np.shape(photons), deviance @ weights / weights.sum())

    def _deviate(self, photons: Array, data: Array) -> Array:
        # the data's own counts, kept from falling below one photon's worth, so that outliers cannot widen their errors
        return (photons - data) / jnp.sqrt(_variance(jnp.maximum(data, 0.0), self.sigma))


def _variance(photons: Array, sigma: float) -> Array:
    """Variance of counts, as the readout's own stage has it, with normal noise of the readout."""
    return moments((Counts(),), photons).variance + sigma**2


def _mean_poisson_deviance(mean: np.ndarray) -> np.ndarray:
    """Mean of the deviance of a count: its sum up to 30 expected photons, by a table, and its series from there on."""
    logs, table = _poisson_deviances()
    clipped = np.clip(mean, _FLOOR, None)
    return np.where(clipped > _MANY, 1 + 1 / (6 * clipped), np.exp(np.interp(np.log(clipped), logs, table)))


@cache
def _poisson_deviances() -> tuple[np.ndarray, np.ndarray]:
    """Logarithms of expected photons and of the mean deviance."""
    logs = np.linspace(math.log(_FLOOR), math.log(_MANY), 2000)
    means, counts = np.exp(logs)[:, None], np.arange(121.0)
    probable = np.exp(scipy.special.xlogy(counts, means) - means - scipy.special.gammaln(counts + 1))
    deviances = 2 * (means - counts + scipy.special.xlogy(counts, counts / means))
    return logs, np.log((probable * deviances).sum(axis=1))
