"""How the light of one pixel falls on the pixels around it."""

from __future__ import annotations

import itertools
import math

import jax
import jax.numpy as jnp
from jax import Array
from jax.scipy.special import ndtr
from jaxtyping import Float

FWHM_PER_SIGMA = 2.0 * math.sqrt(2.0 * math.log(2.0))
FWHM_PER_FIBER_G = 2.0 * math.sqrt(2.0 ** (2.0 / 3.0) - 1.0)
"""Full width at half height of (1 + r^2/g^2)^(-3/2), in g."""


def gaussian(fwhm_px: Float[Array, ""], slow: Float[Array, " m"], fast: Float[Array, " n"]) -> Float[Array, "m n"]:
    """Shares of pixels at these distances, of light that a Gaussian spreads from the middle of one pixel.

    Args:
        fwhm_px: full width at half maximum, above zero.
        slow, fast: distances of pixels.
    """

    def along(distance: Array) -> Array:
        scale = FWHM_PER_SIGMA / fwhm_px
        # from the near side, so that small shares keep their digits
        near = jnp.abs(distance)
        return ndtr(-(near - 0.5) * scale) - ndtr(-(near + 0.5) * scale)

    return along(slow)[:, None] * along(fast)[None, :]


def fiber(fwhm_px: Float[Array, ""], slow: Float[Array, " m"], fast: Float[Array, " n"]) -> Float[Array, "m n"]:
    """As ``gaussian``, of light that a fibre-optic taper spreads as g / (2 pi) (g^2 + r^2)^(-3/2).

    The form and its integral over a pixel, a solid angle, are those of Holton, Nielsen and Frankel, J. Synchrotron Rad.
    19, 1006 (2012), for the point spread of phosphors on tapers.
    """
    g = fwhm_px / FWHM_PER_FIBER_G

    def corner(y: Array, x: Array) -> Array:
        # of one argument it is wrong in 64 bits where XLA prefers vectors of 512 bits, as nbjax.compiled asks it to
        return jnp.arctan2(x * y, g * jnp.sqrt(g * g + x * x + y * y)) / (2 * jnp.pi)

    y, x = slow[:, None], fast[None, :]
    upper, lower = y + 0.5, y - 0.5
    right, left = x + 0.5, x - 0.5
    return corner(upper, right) - corner(upper, left) - corner(lower, right) + corner(lower, left)


FORMS = {"gaussian": gaussian, "fiber": fiber}
"""Forms of point spreads by their names."""


def shared(cloud_px: Float[Array, ""]) -> Float[Array, "3 3"]:
    """Mean shares of a pixel and its eight neighbours in the charge of photons that come anywhere in the pixel.

    The charge is a Gaussian cloud, narrow beside a pixel; the shares of an axis are its integral over both pixels.

    Args:
        cloud_px: its standard deviation, above zero.
    """

    def integral(t: Array) -> Array:
        return t * ndtr(t) + jnp.exp(-0.5 * t * t) / math.sqrt(2 * math.pi)

    ends = jnp.stack([integral(n / cloud_px) for n in (jnp.asarray(-1.0), jnp.asarray(0.0), jnp.asarray(1.0))])
    own = cloud_px * (ends[2] - 2 * ends[1] + ends[0])
    side = (1 - own) / 2
    along = jnp.stack([side, own, side])
    return along[:, None] * along[None, :]


def counted(
    cloud_px: Float[Array, ""], threshold: Float[Array, ""], noise: Float[Array, ""], places: int = 128
) -> Float[Array, "3 3"]:
    """As ``shared``, of the photons themselves, each counted in every pixel where its charge passes a threshold.

    Args:
        cloud_px: standard deviation of the charge cloud.
        threshold, noise: of the electronics, as parts of the charge of a photon; the noise is a standard deviation.
        places: where photons come, along each edge of the pixel.
    """
    place = (jnp.arange(places) + 0.5) / places
    ends = [(edge - place) / cloud_px for edge in (-1.0, 0.0, 1.0, 2.0)]
    shares = jnp.stack([ndtr(b) - ndtr(a) for a, b in itertools.pairwise(ends)])
    charge = shares[:, None, :, None] * shares[None, :, None, :]
    return jax.scipy.special.ndtr((charge - threshold) / noise).mean(axis=(2, 3))
