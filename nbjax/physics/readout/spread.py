"""Light and charge that reach other pixels than their own, panel by panel; what leaves a panel is lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import jax
import jax.numpy as jnp
import scipy.fft
from jax import Array
from jaxtyping import Float

from nbjax.fields import STATIC
from nbjax.physics.readout.kernels import FORMS, counted, shared
from nbjax.physics.readout.stage import Moments


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class PointSpread:
    """A point of light becomes a spot, by a Fourier transform of each panel.

    Attributes:
        fwhm_px: full width at half maximum of a form.
        kernel: shares of pixels around one instead of a form, odd numbers of rows and columns; None: the form.
        form: a name of ``FORMS``.
        radius_px: beyond it the spot ends, and what it holds is scaled to the whole; None: no end.
    """

    fwhm_px: Float[Array, ""] | None
    kernel: Float[Array, "m n"] | None = None
    form: Literal["gaussian", "fiber"] = field(default="gaussian", metadata=STATIC)
    radius_px: int | None = field(default=None, metadata=STATIC)

    def record(self, key: Array | None, image: Array) -> Array:
        """The spread image; pixels that are NaN stay so and give nothing."""
        kernel = self._kernel(image.shape[-2:], image.dtype)
        return _without_holes(image, lambda light: _convolved(light, kernel))

    def moments(self, before: Moments) -> Moments:
        """The mean is spread, the variance by the squared shares; neighbours are no longer independent."""
        kernel = self._kernel(before.mean.shape[-2:], before.mean.dtype)
        return Moments(_convolved(before.mean, kernel), _convolved(before.variance, kernel**2))

    def _kernel(self, shape: tuple[int, ...], dtype: jnp.dtype) -> Array:
        if self.kernel is not None:
            return self.kernel.astype(dtype)
        reach = [min(size - 1, self.radius_px or size - 1) for size in shape]
        slow, fast = (jnp.arange(-most, most + 1, dtype=dtype) for most in reach)
        shares = FORMS[self.form](jnp.asarray(self.fwhm_px, dtype), slow, fast)
        if self.radius_px is None:
            return shares
        within = slow[:, None] ** 2 + fast[None, :] ** 2 <= self.radius_px**2
        shares = jnp.where(within, shares, 0.0)
        return shares / shares.sum()


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class ChargeSharing:
    """The charge of photons near an edge of their pixel goes to neighbours too.

    Without a threshold every photon of a pixel shares as the mean of all does; with one, photons are counted where
    enough of their charge is, once, twice or not at all.

    Attributes:
        cloud_px: standard deviation of the charge cloud.
        threshold, noise: of counting electronics, as parts of a photon's charge; None: the charge is integrated.
    """

    cloud_px: Float[Array, ""]
    threshold: Float[Array, ""] | None = None
    noise: Float[Array, ""] | None = None

    def shares(self) -> Float[Array, "3 3"]:
        """Of a pixel and its neighbours."""
        if self.threshold is None or self.noise is None:
            return shared(self.cloud_px)
        return counted(self.cloud_px, self.threshold, self.noise)

    def record(self, key: Array | None, image: Array) -> Array:
        """The image of the charge, or of the photons that will be counted; NaN as for ``PointSpread``."""
        shares = self.shares().astype(image.dtype)
        return _without_holes(image, lambda charge: _nearby(charge, shares))

    def moments(self, before: Moments) -> Moments:
        """As of ``PointSpread``."""
        shares = self.shares().astype(before.mean.dtype)
        return Moments(_nearby(before.mean, shares), _nearby(before.variance, shares**2))


def _without_holes(image: Array, spread: Callable[[Array], Array]) -> Array:
    """The spread image, in which what is NaN gives nothing and stays NaN."""
    hidden = jnp.isnan(image)
    return jnp.where(hidden, jnp.nan, spread(jnp.where(hidden, 0.0, image)))


def _convolved(image: Array, kernel: Array) -> Array:
    """Convolution of the last two axes, of the image's own size."""
    reach = [size // 2 for size in kernel.shape]
    padded = [scipy.fft.next_fast_len(n + r, real=True) for n, r in zip(image.shape[-2:], reach, strict=True)]
    padded = [max(n, k) for n, k in zip(padded, kernel.shape, strict=True)]
    laid_out = jnp.zeros(padded, kernel.dtype).at[: kernel.shape[0], : kernel.shape[1]].set(kernel)
    centred = jnp.roll(laid_out, (-reach[0], -reach[1]), (0, 1))
    product = jnp.fft.rfft2(image, padded) * jnp.fft.rfft2(centred)
    slow, fast = image.shape[-2:]
    return jnp.fft.irfft2(product, padded)[..., :slow, :fast]


def _nearby(image: Array, shares: Array) -> Array:
    """As ``_convolved``, of nine shares, by sums."""
    around = [(0, 0)] * (image.ndim - 2) + [(1, 1), (1, 1)]
    padded = jnp.pad(image, around)
    slow, fast = image.shape[-2:]
    total = jnp.zeros_like(image)
    for i in range(3):
        for j in range(3):
            total = total + shares[2 - i, 2 - j] * padded[..., i : i + slow, j : j + fast]
    return total
