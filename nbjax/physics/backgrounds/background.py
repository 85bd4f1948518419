"""What every background is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar, runtime_checkable

import jax
from jax import Array
from jaxtyping import Float, Int

from nbjax.fields import put
from nbjax.numerics import Components
from nbjax.physics.screens.chart import Chart


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Sight:
    """Pixels as backgrounds see them: their middles, in the light of the mean ray.

    Attributes:
        q_per_m: scattering vectors (diffracted - incident) / wavelength.
        incident: unit direction of the ray.
        wavelength_m: of the ray.
        polarization: factor that multiplies what a background scatters; one where the beam has none.
        number: slow * width + fast of the pixels in the whole image, whose panels lie below each other.
    """

    q_per_m: Components
    incident: Components
    wavelength_m: Float[Array, ""]
    polarization: Array
    number: Int[Array, "*pixels"]


@runtime_checkable
class Extended(Protocol):
    """A background that covers a square about the middle of the beam, and sees the mean fluence over it."""

    @property
    def edge_m(self) -> Array | None:
        """Edge of the square; None: what it scatters is that of all photons that it sees."""


@runtime_checkable
class Scaled(Protocol):
    """A background with a factor of all that it scatters."""

    @property
    def scale(self) -> Array:
        """The factor."""


@runtime_checkable
class Varied(Protocol):
    """A background with a factor that depends on the direction."""

    @property
    def variation(self) -> Chart | None:
        """The factor; None: one."""


@runtime_checkable
class Seen(Protocol):
    """A background that depends on more than the scattering vector."""

    def electrons_squared_at(self, sight: Sight) -> Array:
        """As ``Background.electrons_squared``, before polarization, solid angle and capture."""


@runtime_checkable
class Background(Protocol):
    """A pytree of arrays that scatters without regard to any crystal, smoothly over a pixel."""

    def electrons_squared(self, q_per_m: Components) -> Array:
        """What it adds to the mean squared amplitude of a sample, in electrons squared.

        Args:
            q_per_m: scattering vectors (diffracted - incident) / wavelength, of any shape.

        Returns:
            Of the shape of the components of q, or a single number where it does not depend on them.
        """


@runtime_checkable
class InPhotons(Protocol):
    """A pytree of arrays that says the photons of pixels with all factors, but for what screens let pass."""

    def photons(self, sight: Sight) -> Array:
        """Of each pixel."""


Term = Background | InPhotons
"""What an experiment may have among its backgrounds."""

T = TypeVar("T")


def put_out(term: T) -> T:
    """A background of the same structure that scatters nothing."""
    if isinstance(term, Scaled):
        return put(term, "scale", term.scale * 0)
    return jax.tree.map(lambda leaf: leaf * 0, term)
