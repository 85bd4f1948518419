"""What every background is."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from jax import Array

from nbjax.numerics import Components


@runtime_checkable
class Extended(Protocol):
    """A background that covers a square about the middle of the beam, and sees the mean fluence over it."""

    @property
    def edge_m(self) -> Array:
        """Edge of the square."""


@runtime_checkable
class Background(Protocol):
    """A pytree of arrays that scatters without regard to any crystal."""

    def electrons_squared(self, q_per_m: Components) -> Array:
        """What it adds to the mean squared amplitude of a sample, in electrons squared.

        Args:
            q_per_m: scattering vectors (diffracted - incident) / wavelength, of any shape.

        Returns:
            Of the shape of the components of q, or a single number where it does not depend on them.
        """
